import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Site } from '@tocsin/protocol/directory.ts';
import { parse } from 'yaml';
import type { Desk } from '#dispatch/desk.ts';
import type { Phones } from '#dispatch/phones.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { ChildPart } from './child-part.ts';
import type { Config } from './config.ts';

/** What the gateways and simulators must know of the rest of the house. */
interface EdgeOptions {
  config: Config;
  kit: { clock: Clock; chance: Chance; log: Log };
  site: Site;
  /** Where simulated phones register. */
  sipAddress: string;
  mqtt: { url: string; username?: string; password?: string };
  phones: Phones;
}

/**
 * The gateways of the site in a process of their own, and before them, on a demonstration site, the simulators of
 * everything beyond them. A real site says in `gateways.yaml` beside its files what it has. The processes are made at
 * once and told what to do by `begin`, when the rest of the house is open.
 */
export class Edges implements AsyncDisposable {
  readonly #gateways: ChildPart | undefined;
  readonly #simulators: ChildPart | undefined;
  #here: readonly string[] | undefined;
  #asked = 0;

  constructor(config: Config, kit: { clock: Clock; log: Log }) {
    const logFolder = join(config.data, 'log');
    const ofSite = config.gateways ? gatewaysOfSite(config.siteFolder) : [];
    if (!config.simulators) this.#here = idsOf(ofSite);
    if (config.simulators)
      this.#simulators = new ChildPart({ name: 'simulators', script: 'gateways/simulators.ts', logFolder, ...kit });
    if (config.simulators || ofSite.length > 0)
      this.#gateways = new ChildPart({ name: 'gateways', script: 'gateways/main.ts', logFolder, ...kit });
  }

  begin(options: EdgeOptions): void {
    const { config, site, mqtt } = options;
    if (!this.#simulators) {
      const gateways = gatewaysOfSite(config.siteFolder);
      const dataFolder = join(config.data, 'gateways');
      return this.#gateways?.begin({
        kind: 'start',
        config: { site: site.id, mqtt, host: nearHost(config), dataFolder, gateways },
      });
    }
    this.#simulators.on('message', (message) => {
      if (message.kind !== 'ready') return;
      const { gateways: started } = message as { kind: string; gateways?: { gateways?: unknown[] } };
      this.#here = idsOf(started?.gateways ?? []);
      this.#gateways?.begin({ kind: 'start', config: started });
    });
    this.#simulators.begin(simulatedSite(options));
    yieldToRealPhones(options.phones, (what) => this.#ask(what));
  }

  /** What the simulated edges can be told; undefined on a site without. */
  get simulators(): Desk['simulators'] {
    if (!this.#simulators) return undefined;
    return {
      pressDevice: (device) => this.#ask({ do: 'press-key', device }),
      radioSpeaks: (channel, seconds) => this.#ask({ do: 'radio-speak', channel, ms: seconds * 1000 }),
    };
  }

  /** Ids of the gateways that run in a process of ours, and so are about to come; undefined: the simulators have not said yet. */
  get here(): readonly string[] | undefined {
    return this.#here;
  }

  /** Why a part of the edge cannot work; undefined when all do. */
  problem(): string | undefined {
    for (const part of [this.#simulators, this.#gateways]) if (part?.state.kind === 'failed') return part.state.why;
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateways?.[Symbol.asyncDispose]();
    await this.#simulators?.[Symbol.asyncDispose]();
  }

  #ask(what: object): void {
    this.#simulators?.send({ kind: 'control', id: (this.#asked += 1), ask: what });
  }
}

/** Where parts on this machine reach one another: a server that listens everywhere is here too. */
function nearHost({ host }: Config): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** The gateways that a site has, as it says itself; what is wrong in the file is told by the gateways' own process. */
function gatewaysOfSite(siteFolder: string): unknown[] {
  const file = join(siteFolder, 'gateways.yaml');
  if (!existsSync(file)) return [];
  const content = parse(readFileSync(file, 'utf8')) as { gateways?: unknown[] } | null;
  return content?.gateways ?? [];
}

function idsOf(gateways: unknown[]): string[] {
  return gateways.flatMap((gateway) => {
    const id = (gateway as { id?: unknown } | null)?.id;
    return typeof id === 'string' ? [id] : [];
  });
}

// --- the simulated edge ---

/** What the simulators' process needs to play the whole edge of a site; it answers with the gateways that belong to it. */
function simulatedSite({ config, kit, site, sipAddress, mqtt }: EdgeOptions) {
  const port = Number(sipAddress.split(':').at(-1));
  return {
    kind: 'start-site',
    site,
    options: {
      mqttUrl: mqtt.url,
      ...(mqtt.username && mqtt.password
        ? { mqttCredentials: { username: mqtt.username, password: mqtt.password } }
        : {}),
      sipServer: `${nearHost(config)}:${port}`,
      dataFolder: join(config.data, 'simulators'),
      host: nearHost(config),
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
