import type { Site } from '@tocsin/protocol/directory.ts';
import type { Bearer } from '@tocsin/protocol/common.ts';
import type { GatewaysConfig } from './config.ts';
import { DEMO_CAMERA_ACCOUNT, type DemoEdges, type DemoEdgesConfig } from './demo.ts';
import type { PhoneManner } from './demo-phones.ts';
import type { AirSimulatorConfig } from './radio/air-simulator.ts';

/** The first multicast group and port of a demonstration's zones; each zone has the next group and the next port but one. */
const FIRST_GROUP = '239.255.12';
const FIRST_PORT = 25_004;
/** Horns simulated for one zone; the proof counts those that there are. */
const HORNS_SIMULATED_AT_MOST = 12;
/** Accounts of the kind `phone` that get a simulated phone. */
const PHONES_AT_MOST = 12;

/** Ground, satellite, ground. */
const SATELLITE_HOP_MS = 600;

export interface DemoSiteOptions {
  mqttUrl: string;
  mqttCredentials?: { username: string; password: string };
  /** `host:port`; absent: no phones, no SIP horns. */
  sipServer?: string;
  dataFolder: string;
  host?: string;
  /** Moves the zones' ports, so that two demonstrations on one machine do not hear each other; even. */
  portOffset?: number;
  /** Accounts that get no simulated phone: seats, and phones that are registered already. */
  leaveOut?: string[];
  /** No phones and no radio that speak by themselves: tests want silence. */
  isQuiet?: boolean;
  /** WAV files that the simulated people say in turn. */
  voices?: string[];
}

/** The simulated edge that belongs to a site's files: a horn for each horn, a phone for each phone, and so on. */
export function demoEdgesOfSite(site: Site, options: DemoSiteOptions): DemoEdgesConfig {
  const { leaveOut = [], isQuiet = false } = options;
  const phones = site.accounts
    .filter(({ kind, user, password }) => kind === 'phone' && password && !leaveOut.includes(user))
    .slice(0, PHONES_AT_MOST);
  const take = site.trunks.find(({ send }) => send)?.send;
  return {
    site: site.id,
    mqttUrl: options.mqttUrl,
    ...(options.mqttCredentials && { mqttCredentials: options.mqttCredentials }),
    ...(options.sipServer && { sipServer: options.sipServer }),
    dataFolder: options.dataFolder,
    ...(options.host && { host: options.host }),
    zones: zonesOf(site, options.portOffset).map(({ id, group, port, horns }) => ({ id, group, port, horns })),
    sipHorns: site.zones.flatMap(({ reach }) => {
      const password = reach.kind === 'sip' && site.accounts.find(({ user }) => user === reach.account)?.password;
      return reach.kind === 'sip' && password ? [{ account: reach.account, password }] : [];
    }),
    ...(site.channels.length > 0 && {
      radio: isQuiet ? {} : { talkEveryS: 90, talkers: ['巡查-1', '巡查-2', '河口-3'] },
    }),
    airs: site.channels.slice(1).flatMap(({ id, bearer }) => airOf(id, bearer)),
    smsc: {},
    cameras: site.cameras.map(({ id }) => ({ id })),
    devices: site.devices.map(({ id, location }) => ({
      id,
      latitude: location?.latitude,
      longitude: location?.longitude,
    })),
    gauges: site.gauges.map(({ id, unit, thresholds }) => {
      const marks = thresholds.map(({ above }) => above).sort((a, b) => a - b);
      const [lowest = 1, highest = 2] = [marks[0], marks.at(-1)];
      const span = Math.max(highest - lowest, Math.abs(lowest) * 0.02, 0.1);
      // A quiet day lies below the lowest threshold, a flood above the highest.
      const normal = unit === 'mm' ? 0 : lowest - span * 0.6;
      return {
        id,
        unit,
        normal: Math.round(normal * 100) / 100,
        wander: unit === 'mm' ? 0 : span * 0.05,
        peak: Math.round((highest + span * 0.15) * 100) / 100,
      };
    }),
    ...(!isQuiet && {
      phones: {
        accounts: phones.map(({ user, password }, index) => ({ user, password: password!, manner: mannerOf(index) })),
        ...(take?.host === '127.0.0.1' && { trunkPort: take.port }),
        ...(options.voices && { voices: options.voices }),
      },
    }),
  };
}

/** The gateways that a site's files name, joined to the simulated edge. Ids are the site's own; texts go by `sms-1`. */
export function gatewaysOfSite(
  site: Site,
  options: DemoSiteOptions,
  addresses: DemoEdges['addresses'],
): GatewaysConfig {
  const { host = '127.0.0.1' } = options;
  const zones = zonesOf(site, options.portOffset);
  const gateways: GatewaysConfig['gateways'] = [];
  for (const id of new Set(zones.map(({ gateway }) => gateway)))
    gateways.push({
      kind: 'pa',
      id,
      bearer: 'ip',
      sipPort: 0,
      multicastInterface: host,
      ttl: 1,
      zones: zones
        .filter(({ gateway }) => gateway === id)
        .map(({ id: zone, group, port, horns }) => ({
          ...{ id: zone, group, port, horns },
          names: Array.from({ length: horns }, (_, n) => `${zone}-${n + 1}`),
        })),
    });
  if (addresses.smsc)
    gateways.push({
      kind: 'sms',
      id: 'sms-1',
      bearer: 'public-network',
      providers: [
        {
          id: 'smsc-demo',
          ...addresses.smsc,
          systemId: 'tocsin',
          password: 'tocsin',
          sourceAddress: '10690001',
          window: 20,
        },
      ],
    });
  const channel = site.channels[0];
  if (channel && addresses.usrp)
    gateways.push({
      kind: 'radio',
      id: channel.gateway,
      bearer: channel.bearer,
      sipPort: 0,
      channel: channel.id,
      air: { protocol: 'usrp', listenPort: 0, remoteHost: addresses.usrp.host, remotePort: addresses.usrp.port },
    });
  for (const each of site.channels.slice(1)) {
    const air = addresses.airs[each.id];
    if (!air) continue;
    const { gateway: id, bearer } = each;
    gateways.push({ kind: 'radio', id, bearer, sipPort: 0, channel: each.id, air: { listenPort: 0, ...air } });
  }
  for (const id of new Set(site.cameras.map((camera) => camera.gateway))) {
    const cameras = site.cameras.flatMap((camera) => {
      const address = camera.gateway === id ? addresses.cameras?.[camera.id] : undefined;
      return address ? [{ id: camera.id, ...address, ...DEMO_CAMERA_ACCOUNT }] : [];
    });
    if (cameras.length > 0) gateways.push({ kind: 'camera', id, bearer: 'ip', cameras });
  }
  return {
    site: site.id,
    mqtt: { url: options.mqttUrl, ...options.mqttCredentials },
    host,
    dataFolder: options.dataFolder,
    areFaultsAllowed: true,
    gateways,
  };
}

function zonesOf(site: Site, portOffset = 0) {
  return site.zones.flatMap(({ id, reach, horns }, index) =>
    reach.kind === 'gateway'
      ? [
          {
            id,
            gateway: reach.gateway,
            group: `${FIRST_GROUP}.${(index % 250) + 1}`,
            port: FIRST_PORT + portOffset + index * 2,
            horns: Math.min(horns, HORNS_SIMULATED_AT_MOST),
          },
        ]
      : [],
  );
}

/** The first channel is played by a USRP bridge; others as their bearer usually comes. */
function airOf(channel: string, bearer: Bearer): AirSimulatorConfig[] {
  switch (bearer) {
    case 'vhf-uhf':
    case 'trunked':
      return [{ channel, protocol: 'ed137' }];
    case 'satellite':
      return [{ channel, protocol: 'rtp', delayMs: SATELLITE_HOP_MS }];
    default:
      return [{ channel, protocol: 'rtp' }];
  }
}

/** Most people answer; one in seven is not there, one in eleven is busy. */
function mannerOf(index: number): PhoneManner {
  if (index % 7 === 5) return 'absent';
  return index % 11 === 8 ? 'busy' : 'answers';
}
