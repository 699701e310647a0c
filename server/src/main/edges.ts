import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Site } from '@tocsin/protocol/directory.ts';
import { parse } from 'yaml';
import type { Phones } from '#dispatch/phones.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { ChildPart } from './child-part.ts';
import type { Config } from './config.ts';

export interface Edges extends AsyncDisposable {
  /** Present where the edges are simulated. */
  simulators?: { pressDevice(device: string): void; radioSpeaks(channel: string, seconds: number): void };
}

interface EdgeOptions {
  config: Config;
  kit: { clock: Clock; chance: Chance; log: Log };
  site: Site;
  /** Where simulated phones register. */
  sipAddress: string;
  mqttUrl: string;
  phones: Phones;
}

/**
 * Starts the gateways of the site in a process of their own, and before them, on a demonstration site, the simulators
 * of everything beyond them. A real site says in `gateways.yaml` beside its files what it has.
 */
export async function openEdges(options: EdgeOptions): Promise<Edges> {
  const { config, kit } = options;
  await using opened = new AsyncDisposableStack();
  if (!config.simulators) {
    const gateways = config.gateways ? gatewaysOfSite(config.siteFolder) : [];
    if (gateways.length > 0)
      opened.use(
        startGateways(
          {
            site: options.site.id,
            mqtt: { url: options.mqttUrl },
            host: config.host,
            dataFolder: join(config.data, 'gateways'),
            gateways,
          },
          options,
        ),
      );
    const closed = opened.move();
    return { [Symbol.asyncDispose]: () => closed.disposeAsync() };
  }

  const simulators = opened.use(
    new ChildPart({ name: 'simulators', script: 'gateways/simulators.ts', start: simulatedSite(options), ...kit }),
  );
  let gateways: ChildPart | undefined;
  let isClosing = false;
  simulators.on('message', (message) => {
    if (message.kind !== 'ready' || gateways || isClosing) return;
    gateways = startGateways((message as { kind: string; gateways?: unknown }).gateways, options);
  });
  const closed = opened.move();
  let asked = 0;
  const ask = (what: object) => simulators.send({ kind: 'control', id: (asked += 1), ask: what });
  yieldToRealPhones(options.phones, ask);
  return {
    simulators: {
      pressDevice: (device) => ask({ do: 'press-key', device }),
      radioSpeaks: (_channel, seconds) => ask({ do: 'radio-speak', ms: seconds * 1000 }),
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      await gateways?.[Symbol.asyncDispose]();
      await closed.disposeAsync();
    },
  };
}

function startGateways(config: unknown, { kit }: EdgeOptions): ChildPart {
  return new ChildPart({ name: 'gateways', script: 'gateways/main.ts', start: { kind: 'start', config }, ...kit });
}

/** The gateways that a site has, as it says itself; what is wrong in the file is told by the gateways' own process. */
function gatewaysOfSite(siteFolder: string): unknown[] {
  const file = join(siteFolder, 'gateways.yaml');
  if (!existsSync(file)) return [];
  const content = parse(readFileSync(file, 'utf8')) as { gateways?: unknown[] } | null;
  return content?.gateways ?? [];
}

// --- the simulated edge ---

/** What the simulators' process needs to play the whole edge of a site; it answers with the gateways that belong to it. */
function simulatedSite({ config, kit, site, sipAddress, mqttUrl }: EdgeOptions) {
  const port = Number(sipAddress.split(':').at(-1));
  return {
    kind: 'start-site',
    site,
    options: {
      mqttUrl,
      sipServer: `${config.host}:${port}`,
      dataFolder: join(config.data, 'simulators'),
      host: config.host,
      // Two demonstrations on one machine must not hear each other's horns.
      portOffset: Math.floor(kit.chance.fraction() * 5_000) * 2,
      isQuiet: !config.demoPhones,
    },
  };
}

/** A phone that a person registers takes the place of the simulated one, and gives it back when it goes. */
function yieldToRealPhones(phones: Phones, ask: (what: object) => void): void {
  const released = new Set<string>();
  phones.on('changed', (user) => {
    const count = phones.count(user);
    if (count > 1 && !released.has(user)) {
      released.add(user);
      ask({ do: 'release-account', user });
    } else if (count === 0 && released.delete(user)) ask({ do: 'take-account', user });
  });
}
