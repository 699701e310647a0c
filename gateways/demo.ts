import { join } from 'node:path';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { DeviceSimulator } from './alarm/devices/mqtt/device-simulator.ts';
import { makeClip } from './camera/simulator/h264-clip.ts';
import { OnvifHead } from './camera/simulator/onvif-head.ts';
import { RtspCamera, type CameraManner } from './camera/simulator/rtsp-camera.ts';
import type { GatewaysConfig } from './config.ts';
import { startDemoPhones, type DemoPhones, type DemoPhonesOptions, type PhoneManner } from './demo-phones.ts';
import { openHorn, type HornSimulator } from './pa/horn-simulator.ts';
import { openSipHorn, type SipHornSimulator } from './pa/sip-horn-simulator.ts';
import { openAirSimulator, type AirSimulator, type AirSimulatorConfig } from './radio/air-simulator.ts';
import { openUsrpRadioSimulator, type UsrpRadioSimulator } from './radio/usrp/usrp-radio-simulator.ts';
import { GaugeSimulator } from './sensor/gauge-simulator.ts';
import { startSensorGateway, type SensorGateway } from './sensor/sensor-gateway.ts';
import { openSmscSimulator, type SmscBehaviour, type SmscSimulator } from './sms/smsc-simulator.ts';

/** What the simulated edge of a site consists of: plain data, so that it can come over IPC. */
export interface DemoEdgesConfig {
  site: string;
  mqttUrl: string;
  mqttCredentials?: { username: string; password: string };
  /** The server's SIP address, `host:port`; absent: no phones and no SIP horns. */
  sipServer?: string;
  /** Files of the simulators: submits of the SMSC, journals. */
  dataFolder: string;
  host?: string;
  /** Zones with multicast horns. */
  zones?: { id: string; group: string; port: number; horns: number }[];
  /** SIP horns, by account. */
  sipHorns?: { account: string; password: string }[];
  /** One radio channel, if any. `talkEveryS`: someone speaks by himself now and then; absent: on demand only. */
  radio?: { port?: number; talkEveryS?: number; talkers?: string[] };
  /** Further channels, by what their radios speak. */
  airs?: AirSimulatorConfig[];
  smsc?: { port?: number; behaviour?: Partial<SmscBehaviour> };
  /** IP cameras, each with its own colours. */
  cameras?: { id: string }[];
  devices?: { id: string; latitude?: number; longitude?: number; heartbeatEveryMs?: number }[];
  gauges?: { id: string; unit: string; normal: number; wander: number; peak: number }[];
  /** Between two readings of each gauge; default 10 s. */
  gaugesEveryMs?: number;
  phones?: Pick<
    DemoPhonesOptions,
    'accounts' | 'trunkPort' | 'trunkManners' | 'answerAfterS' | 'speakEveryS' | 'voices'
  >;
}

/** Asks of the console, of tests and of `npm run demo`. Each is answered with `{ok, …}` or `{ok: false, because}`. */
export type DemoControl =
  | { do: 'press-key'; device: string; kind?: string; text?: string }
  | { do: 'device-silent'; device: string; isSilent: boolean }
  /** `channel` absent: the first. */
  | { do: 'radio-speak'; ms: number; hz?: number; talker?: string; channel?: string }
  | { do: 'radio-heard' }
  | { do: 'horns' }
  | { do: 'break-horn'; horn: string; isBroken: boolean }
  | { do: 'write-horn-wav'; horn: string; file: string }
  | { do: 'flood'; gauge: string; riseMs?: number; stayMs?: number }
  | { do: 'calm'; gauge: string }
  | { do: 'camera-manner'; camera: string; manner: CameraManner }
  | { do: 'smsc-counts' }
  | { do: 'smsc-behave'; behaviour: Partial<SmscBehaviour> }
  | { do: 'smsc-cut' }
  | { do: 'text-in'; from: string; to: string; text: string }
  | { do: 'phones' }
  | { do: 'phone-manner'; user: string; manner: PhoneManner }
  | { do: 'phone-call'; from: string; to: string; ms?: number; overTrunk?: boolean }
  | { do: 'release-account'; user: string }
  | { do: 'take-account'; user: string };

export type DemoAnswer = { ok: true; [key: string]: unknown } | { ok: false; because: string };

/** What the simulated cameras ask for. */
export const DEMO_CAMERA_ACCOUNT = { username: 'viewer', password: 'tocsin-demo' } as const;

/** The simulated edges while they run. */
export interface DemoEdges extends AsyncDisposable {
  /** Where gateways find them. */
  readonly addresses: {
    smsc?: { host: string; port: number };
    usrp?: { host: string; port: number };
    trunk?: { host: string; port: number };
    airs: Record<string, AirSimulator['air']>;
    /** Where each camera's picture is, by its id. */
    cameras?: Record<string, { url: string; onvif: string }>;
  };
  readonly smsc: SmscSimulator | undefined;
  readonly radio: UsrpRadioSimulator | undefined;
  /** The radios of further channels, by channel. */
  readonly airs: ReadonlyMap<string, AirSimulator>;
  readonly phones: DemoPhones | undefined;
  readonly horns: ReadonlyMap<string, HornSimulator | SipHornSimulator>;
  readonly devices: ReadonlyMap<string, DeviceSimulator>;
  readonly gauges: GaugeSimulator | undefined;
  readonly cameras: ReadonlyMap<string, RtspCamera>;
  control(ask: DemoControl): Promise<DemoAnswer>;
  snapshot(): Record<string, unknown>;
}

/** Opens every simulator that is configured; they speak the true protocols over loopback. */
export async function startDemoEdges(
  config: DemoEdgesConfig,
  options: { clock: Clock; chance: Chance; log: Log },
): Promise<DemoEdges> {
  await using opened = new AsyncDisposableStack();
  const { clock, chance, log } = options;
  const { site, mqttUrl, host = '127.0.0.1', dataFolder, sipServer } = config;
  const mqtt = { site, mqttUrl, ...(config.mqttCredentials && { credentials: config.mqttCredentials }) };

  const smsc =
    config.smsc &&
    opened.use(
      await openSmscSimulator({
        ...options,
        host,
        ...config.smsc,
        submitsFile: join(dataFolder, 'smsc-submits.jsonl'),
      }),
    );
  const radio = config.radio && opened.use(await openUsrpRadioSimulator({ host, port: config.radio.port ?? 0, clock }));

  const airs = new Map<string, AirSimulator>();
  for (const air of config.airs ?? [])
    airs.set(air.channel, opened.use(await openAirSimulator({ ...air, host, ...options })));

  const horns = new Map<string, HornSimulator | SipHornSimulator>();
  for (const zone of config.zones ?? [])
    for (let n = 1; n <= zone.horns; n++) {
      const id = `${zone.id}-${n}`;
      horns.set(
        id,
        opened.use(await openHorn({ clock, chance, id, group: zone.group, port: zone.port, multicastInterface: host })),
      );
    }
  for (const { account, password } of (sipServer && config.sipHorns) || [])
    horns.set(
      account,
      opened.use(await openSipHorn({ ...options, host, registrar: `sip:${sipServer}`, account, password })),
    );

  const devices = new Map<string, DeviceSimulator>();
  for (const { id, latitude, longitude, heartbeatEveryMs } of config.devices ?? []) {
    const location = latitude !== undefined && longitude !== undefined ? { latitude, longitude } : undefined;
    devices.set(id, opened.use(new DeviceSimulator({ ...mqtt, id, location, heartbeatEveryMs, clock, chance })));
  }

  const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? process.env['FFMPEG_BIN'] ?? 'ffmpeg';
  const cameras = new Map<string, RtspCamera>();
  const heads = new Map<string, OnvifHead>();
  for (const [index, { id }] of (config.cameras ?? []).entries()) {
    const clip = () => makeClip({ ffmpeg, hue: index * 120 });
    cameras.set(id, opened.use(await RtspCamera.open({ ...DEMO_CAMERA_ACCOUNT, host, clip, clock, chance })));
    heads.set(id, opened.use(await OnvifHead.open({ ...DEMO_CAMERA_ACCOUNT, host, clock })));
  }

  const gauges = config.gauges && new GaugeSimulator({ gauges: config.gauges, clock });
  if (gauges && config.gauges)
    opened.use<SensorGateway>(
      await startSensorGateway({
        ...options,
        ...mqtt,
        id: 'sensor',
        journalFolder: dataFolder,
        gauges: config.gauges.map(({ id, unit }) => ({ id, unit })),
        driver: gauges,
        everyMs: config.gaugesEveryMs,
      }),
    );

  const phones =
    sipServer && config.phones
      ? opened.use(await startDemoPhones({ ...options, host, server: sipServer, ...config.phones }))
      : undefined;

  const every = radio && config.radio?.talkEveryS;
  if (every) {
    const talkers = config.radio?.talkers ?? ['patrol-1', 'patrol-2'];
    let turn = 0;
    const timer = clock.every(every * 1000, () => {
      const speaker = [radio, ...airs.values()][turn % (airs.size + 1)]!;
      speaker
        .transmit({ ms: 2500 + 2000 * chance.fraction(), talker: talkers[turn++ % talkers.length] })
        .catch((error: unknown) => log.debug('radio simulator failed', { error }));
    });
    opened.defer(() => timer.cancel());
  }

  const parts = opened.move();
  const simulators = { smsc, radio, airs, phones, horns, devices, gauges, cameras };
  return {
    ...simulators,
    addresses: {
      ...(smsc && { smsc: { host, port: smsc.port } }),
      ...(radio && { usrp: { host, port: radio.port } }),
      airs: Object.fromEntries([...airs].map(([channel, { air }]) => [channel, air])),
      cameras: Object.fromEntries([...cameras].map(([id, { url }]) => [id, { url, onvif: heads.get(id)!.url }])),
      ...(phones?.trunkAddress && { trunk: { host: phones.trunkAddress.host, port: phones.trunkAddress.port } }),
    },
    control: (ask) => control(ask, simulators),
    snapshot: () => ({
      smsc: smsc?.counts(),
      radio: radio?.snapshot(),
      airs: [...airs.values()].map((air) => air.snapshot()),
      phones: phones?.snapshot(),
      horns: [...horns.values()].map((horn) => horn.snapshot()),
      devices: [...devices.values()].map((device) => device.snapshot()),
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** The configuration of the gateways that belongs to these edges. Gateway ids: `pa`, `sms`, `radio`; gauges are `sensor`. */
export function demoGatewaysConfig(
  config: DemoEdgesConfig,
  addresses: DemoEdges['addresses'],
  channel = 'vhf-1',
): GatewaysConfig {
  const { site, host = '127.0.0.1', dataFolder, zones } = config;
  const gateways: GatewaysConfig['gateways'] = [];
  if (zones?.length)
    gateways.push({ kind: 'pa', id: 'pa', bearer: 'ip', sipPort: 0, multicastInterface: host, ttl: 1, zones });
  if (addresses.smsc)
    gateways.push({
      kind: 'sms',
      id: 'sms',
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
  if (addresses.usrp)
    gateways.push({
      kind: 'radio',
      id: 'radio',
      bearer: 'vhf-uhf',
      sipPort: 0,
      channel,
      air: { protocol: 'usrp', listenPort: 0, remoteHost: addresses.usrp.host, remotePort: addresses.usrp.port },
    });
  return {
    site,
    mqtt: { url: config.mqttUrl, ...config.mqttCredentials },
    host,
    dataFolder,
    areFaultsAllowed: true,
    gateways,
  };
}

type Simulators = Pick<DemoEdges, 'smsc' | 'radio' | 'airs' | 'phones' | 'horns' | 'devices' | 'gauges' | 'cameras'>;

async function control(
  ask: DemoControl,
  { smsc, radio, airs, phones, horns, devices, gauges, cameras }: Simulators,
): Promise<DemoAnswer> {
  const no = (what: string): DemoAnswer => ({ ok: false, because: `there is no ${what}` });
  switch (ask.do) {
    case 'press-key': {
      const device = devices.get(ask.device);
      if (!device) return no(`device "${ask.device}"`);
      const alarm = await device.press({
        ...(ask.kind && { kind: ask.kind as 'one-key' }),
        ...(ask.text && { text: ask.text }),
      });
      return { ok: true, alarm };
    }
    case 'device-silent': {
      const device = devices.get(ask.device);
      if (!device) return no(`device "${ask.device}"`);
      if (ask.isSilent) device.fallSilent();
      else device.wake();
      return { ok: true };
    }
    case 'radio-speak': {
      const speaker = airs.get(ask.channel ?? '') ?? radio;
      if (!speaker) return no('radio');
      if (!speaker.isLinked) return { ok: false, because: 'the radio gateway has not shown itself yet' };
      await speaker.transmit({ ms: ask.ms, hz: ask.hz, talker: ask.talker ?? 'patrol-1' });
      return { ok: true };
    }
    case 'radio-heard':
      return radio
        ? {
            ok: true,
            transmissions: radio.heard.map(({ startedAtMs, endedAtMs, packets }) => ({
              startedAtMs,
              endedAtMs,
              packets,
            })),
          }
        : no('radio');
    case 'horns':
      return { ok: true, horns: [...horns.values()].map((horn) => horn.snapshot()) };
    case 'break-horn': {
      const horn = horns.get(ask.horn);
      if (!horn || !('isBroken' in horn)) return no(`multicast horn "${ask.horn}"`);
      horn.isBroken = ask.isBroken;
      return { ok: true };
    }
    case 'write-horn-wav': {
      const horn = horns.get(ask.horn);
      if (!horn) return no(`horn "${ask.horn}"`);
      horn.writeWav(ask.file);
      return { ok: true, samples: horn.samples.length };
    }
    case 'flood':
      return gauges?.flood(ask.gauge, ask) ? { ok: true } : no(`gauge "${ask.gauge}"`);
    case 'calm':
      gauges?.calm(ask.gauge);
      return { ok: true };
    case 'camera-manner': {
      const camera = cameras.get(ask.camera);
      if (!camera) return no(`camera "${ask.camera}"`);
      camera.manner = ask.manner;
      if (ask.manner === 'hangs-up') camera.hangUp();
      return { ok: true };
    }
    case 'smsc-counts':
      return smsc ? { ok: true, counts: smsc.counts(), last: smsc.submits.slice(-20) } : no('SMSC');
    case 'smsc-behave':
      smsc?.behave(ask.behaviour);
      return smsc ? { ok: true } : no('SMSC');
    case 'smsc-cut':
      smsc?.cut();
      return smsc ? { ok: true } : no('SMSC');
    case 'text-in':
      smsc?.sendText(ask);
      return smsc ? { ok: true } : no('SMSC');
    case 'phones':
      return phones ? { ok: true, ...phones.snapshot() } : no('phones');
    case 'phone-manner':
      phones?.setManner(ask.user, ask.manner);
      return phones ? { ok: true } : no('phones');
    case 'phone-call':
      return phones ? { ok: true, outcome: await phones.call(ask) } : no('phones');
    case 'release-account':
      await phones?.release(ask.user);
      return { ok: true };
    case 'take-account':
      return phones?.take(ask.user) ? { ok: true } : no(`account "${ask.user}"`);
  }
}
