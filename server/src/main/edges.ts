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

interface Addresses {
  smsc?: { host: string; port: number };
  usrp?: { host: string; port: number };
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
    if (gateways.length > 0) opened.use(startGateways(gateways, options));
    const closed = opened.move();
    return { [Symbol.asyncDispose]: () => closed.disposeAsync() };
  }

  const zones = multicastZones(options);
  const simulators = opened.use(
    new ChildPart({
      name: 'simulators',
      script: 'gateways/simulators.ts',
      config: simulatorsConfig(zones, options),
      ...kit,
    }),
  );
  let gateways: ChildPart | undefined;
  let isClosing = false;
  simulators.on('message', (message) => {
    if (message.kind !== 'ready' || gateways) return;
    const { addresses } = message as unknown as { addresses: Addresses };
    if (!isClosing) gateways = startGateways(simulatedGateways(zones, addresses, options.site), options);
  });
  yieldToRealPhones(simulators, options.phones);
  const closed = opened.move();
  let asked = 0;
  const ask = (what: object) => simulators.send({ kind: 'control', id: (asked += 1), ask: what });
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

function startGateways(gateways: unknown[], { config, kit, site, mqttUrl }: EdgeOptions): ChildPart {
  return new ChildPart({
    name: 'gateways',
    script: 'gateways/main.ts',
    config: {
      site: site.id,
      mqtt: { url: mqttUrl },
      host: config.host,
      dataFolder: join(config.data, 'gateways'),
      gateways,
    },
    ...kit,
  });
}

/** The gateways that a site has, as it says itself; what is wrong in the file is told by the gateways' own process. */
function gatewaysOfSite(siteFolder: string): unknown[] {
  const file = join(siteFolder, 'gateways.yaml');
  if (!existsSync(file)) return [];
  const content = parse(readFileSync(file, 'utf8')) as { gateways?: unknown[] } | null;
  return content?.gateways ?? [];
}

// --- the simulated edge ---

interface SimulatedZone {
  id: string;
  group: string;
  port: number;
  horns: number;
}

/** Horns of zones that a gateway serves share no group with those of another run on this machine. */
function multicastZones({ site, kit: { chance } }: EdgeOptions): SimulatedZone[] {
  const [a = 0, b = 0] = chance.bytes(2);
  const firstPort = 20_000 + Math.floor(chance.fraction() * 10_000) * 2;
  return site.zones
    .filter((zone) => zone.reach.kind === 'gateway')
    .map((zone, index) => ({
      id: zone.id,
      group: `239.${a}.${b}.${index + 1}`,
      port: firstPort + index * 2,
      horns: zone.horns,
    }));
}

/** What each gauge shows on a quiet day, and how high a flood takes it, from its own thresholds. */
function gaugeCurve({ id, unit, thresholds }: Site['gauges'][number]) {
  const lowest = Math.min(...thresholds.map(({ above }) => above), 100);
  const highest = Math.max(...thresholds.map(({ above }) => above), lowest + 1);
  const step = Math.max(0.2, (highest - lowest) / 3);
  return { id, unit, normal: Math.max(0, lowest - 2 * step), wander: step / 6, peak: highest + step };
}

/** How simulated people behave: most answer, some do not, so that a plan has something to show. */
const MANNERS = [
  'answers',
  'answers',
  'answers',
  'answers',
  'answers',
  'busy',
  'answers',
  'answers',
  'absent',
  'answers',
] as const;

function simulatorsConfig(zones: SimulatedZone[], { config, site, sipAddress, mqttUrl }: EdgeOptions) {
  const accountsOf = (kind: string) =>
    site.accounts.filter((account) => account.kind === kind && account.password !== undefined);
  const port = Number(sipAddress.split(':').at(-1));
  return {
    site: site.id,
    mqttUrl,
    sipServer: `${config.host}:${port}`,
    dataFolder: join(config.data, 'simulators'),
    host: config.host,
    zones,
    sipHorns: accountsOf('horn').map(({ user, password }) => ({ account: user, password })),
    radio: { ...(config.demoPhones ? { talkEveryS: 75 } : {}), talkers: ['抢险一组 2101', '巡查艇 2107'] },
    smsc: {},
    devices: site.devices.map(({ id, location }) => ({
      id,
      ...(location ? { latitude: location.latitude, longitude: location.longitude } : {}),
    })),
    gauges: site.gauges.map(gaugeCurve),
    ...(config.demoPhones
      ? {
          phones: {
            accounts: accountsOf('phone').map(({ user, password }, index) => ({
              user,
              password,
              manner: MANNERS[index % MANNERS.length],
            })),
            trunkPort: site.trunks.find((trunk) => trunk.send)?.send?.port ?? 0,
          },
        }
      : {}),
  };
}

/** A phone that a person registers takes the place of the simulated one. */
function yieldToRealPhones(simulators: ChildPart, phones: Phones): void {
  phones.on('changed', (user) => {
    if (phones.count(user) > 1)
      simulators.send({ kind: 'control', id: `release-${user}`, ask: { do: 'release-account', user } });
  });
}

function simulatedGateways(zones: SimulatedZone[], { smsc, usrp }: Addresses, site: Site): unknown[] {
  const paGateway = site.zones.flatMap(({ reach }) => (reach.kind === 'gateway' ? [reach.gateway] : []))[0];
  const channel = site.channels[0];
  return [
    ...(paGateway
      ? [{ kind: 'pa', id: paGateway, bearer: 'ip', sipPort: 0, multicastInterface: '127.0.0.1', ttl: 1, zones }]
      : []),
    ...(smsc
      ? [
          {
            kind: 'sms',
            id: 'sms-1',
            bearer: 'public-network',
            providers: [
              {
                id: 'smsc-demo',
                ...smsc,
                systemId: 'tocsin',
                password: 'tocsin',
                sourceAddress: '10690001',
                window: 20,
              },
            ],
          },
        ]
      : []),
    ...(usrp && channel
      ? [
          {
            kind: 'radio',
            id: channel.gateway,
            bearer: 'vhf-uhf',
            sipPort: 0,
            channel: channel.id,
            usrp: { listenPort: 0, remoteHost: usrp.host, remotePort: usrp.port },
          },
        ]
      : []),
  ];
}
