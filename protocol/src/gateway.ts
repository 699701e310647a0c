/**
 * What crosses the MQTT broker between gateways, devices and the server: topics and JSON bodies.
 * docs/protocol/gateway.md is the same for readers. Every body is parsed here and nowhere else.
 */
import { z } from 'zod';
import { AtMs, Bearer, Id, Level, Location, Name } from './common.ts';

/** Largest body of a message on the broker, in bytes; larger ones are dropped and counted. */
export const MAX_BODY_BYTES = 64 * 1024;

// --- devices speak: tocsin/<site>/device/<id>/{alarm,heartbeat,location,reading} ---

export const DeviceAlarm = z.object({
  /** The device's own id of this alarm; a repeat with the same id is the same alarm. */
  alarm: Id.optional(),
  kind: z
    .enum(['one-key', 'fall', 'smoke', 'gas', 'water', 'intrusion', 'inactivity', 'technical', 'test', 'other'])
    .default('one-key'),
  level: Level.optional(),
  /** The detector, zone or button of a device that has several: each is an alarm of its own. */
  point: z.string().max(40).optional(),
  /** What stood is over: the detector is at rest again (ISA-18.2: return to normal). */
  isOver: z.boolean().optional(),
  at: AtMs.optional(),
  text: z.string().max(500).optional(),
  location: Location.optional(),
  batteryPercent: z.number().min(0).max(100).optional(),
});
export type DeviceAlarm = z.infer<typeof DeviceAlarm>;

export const DeviceHeartbeat = z.object({
  at: AtMs.optional(),
  batteryPercent: z.number().min(0).max(100).optional(),
  signalDbm: z.number().min(-150).max(0).optional(),
  firmware: z.string().max(80).optional(),
});
export type DeviceHeartbeat = z.infer<typeof DeviceHeartbeat>;

export const DeviceLocation = Location;

export const DeviceReading = z.object({
  value: z.number(),
  unit: z.string().max(16).optional(),
  at: AtMs.optional(),
});
export type DeviceReading = z.infer<typeof DeviceReading>;

// --- gateways speak: tocsin/<site>/gateway/<id>/{online,event,command,command-result} ---

/** What a gateway can reach; retained with `online`, replaced by the last will. */
export const GatewayResource = z.object({
  id: Id,
  kind: z.enum(['zone', 'channel', 'line', 'sms-provider', 'gauge', 'device', 'horn', 'modem', 'camera']),
  state: z.enum(['ready', 'degraded', 'down']),
  detail: z.string().max(200).optional(),
  /** SIP address under which the resource answers, when it has a voice. */
  sip: z.string().max(200).optional(),
  /** Of a camera whose head can be moved: the places that it knows. */
  presets: z
    .array(z.object({ id: z.string().min(1).max(64), name: z.string().max(40) }))
    .max(32)
    .optional(),
});
export type GatewayResource = z.infer<typeof GatewayResource>;

/** tocsin/<site>/gateway/<id>/online, retained; the last will is `{"online":false,"kind":…}`. Sent again every heartbeatMs. */
export const GatewayOnline = z.object({
  online: z.boolean(),
  kind: z.enum(['radio', 'satellite', 'pstn', 'pa', 'sms', 'alarm', 'sensor', 'camera', 'cap']),
  bearer: Bearer.optional(),
  at: AtMs.optional(),
  heartbeatMs: z.number().int().min(200).max(600_000).optional(),
  resources: z.array(GatewayResource).max(1000).optional(),
  /** 0-100; absent when the bearer has no measure. */
  linkQualityPercent: z.number().min(0).max(100).optional(),
});
export type GatewayOnline = z.infer<typeof GatewayOnline>;

/**
 * What can go wrong on the way of a resource, to order: `loss` percent, `jitter` and `delay` milliseconds, `cut`: nothing comes through,
 * `freeze`: what was last said is said again, `garbage`: bytes that mean nothing, `kill`: the process behind it dies; `none` mends.
 */
export const Fault = z.enum(['none', 'loss', 'jitter', 'delay', 'cut', 'freeze', 'garbage', 'kill']);
export type Fault = z.infer<typeof Fault>;

/** What a warning is about (CAP 1.2, `category`). */
export const WarningCategory = z.enum([
  'Geo',
  'Met',
  'Safety',
  'Security',
  'Rescue',
  'Fire',
  'Health',
  'Env',
  'Transport',
  'Infra',
  'CBRNE',
  'Other',
]);

/** The longer words of a warning, in both languages. */
export const WarningText = z.object({ zh: z.string().min(1).max(1000), en: z.string().min(1).max(1000).optional() });

/** tocsin/<site>/gateway/<id>/command: the server asks. `command` ids repeat after a crash; a gateway does each once. */
export const GatewayCommand = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('send-text'), command: Id, to: z.string().max(24), text: z.string().min(1).max(1000) }),
  /** Key or unkey the transmitter; the speech itself comes by RTP on the channel's SIP call. */
  z.object({
    kind: z.literal('key'),
    command: Id,
    channel: Id,
    isKeyed: z.boolean(),
    talker: z.string().max(80).optional(),
    /** 0 routine … 3 emergency; bearers that know priorities pass it on. */
    priority: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]).optional(),
    /** From the key to a carrier that carries speech; what is said meanwhile waits in the gateway. */
    keyUpMs: z.number().int().min(0).max(5_000).optional(),
    /** After the release, speech that still comes is sent for so long. */
    tailMs: z.number().int().min(0).max(5_000).optional(),
  }),
  /** Which talkgroup the channel is on from now on, where its network has them; 0 = whichever it is on by itself. */
  z.object({
    kind: z.literal('select-talkgroup'),
    command: Id,
    channel: Id,
    talkgroup: z.number().int().min(0).max(16_777_215),
  }),
  /** A satellite burst to a modem: at most 270 octets, in base 64. */
  z.object({
    kind: z.literal('send-burst'),
    command: Id,
    to: Id,
    payload: z
      .string()
      .max(360)
      .regex(/^[A-Za-z0-9+/]+={0,2}$/),
  }),
  /**
   * A camera's picture is wanted as RTP (H.264, RFC 6184) with SRTP (AES_CM_128_HMAC_SHA1_80, RFC 3711), without RTCP. Said
   * again with the same `stream` it goes on; `forMs` after it was said last the gateway stops by itself.
   */
  z.object({
    kind: z.literal('send-picture'),
    command: Id,
    camera: Id,
    stream: Id,
    to: z.object({ host: z.string().max(255), port: z.number().int().min(1).max(65_535) }),
    ssrc: z.number().int().min(1).max(0x7fffffff),
    payloadType: z.number().int().min(96).max(127),
    /** Key and salt, 30 octets in base 64. */
    srtpKey: z.string().regex(/^[A-Za-z0-9+/]{40}$/),
    forMs: z.number().int().min(1000).max(600_000),
  }),
  z.object({ kind: z.literal('stop-picture'), command: Id, camera: Id, stream: Id }),
  /** Moves a camera's head, each way from -1 to 1 of its speed, for at most `forMs`: said again it goes on, all 0 stops it. */
  z.object({
    kind: z.literal('move-camera'),
    command: Id,
    camera: Id,
    pan: z.number().min(-1).max(1),
    tilt: z.number().min(-1).max(1),
    zoom: z.number().min(-1).max(1),
    forMs: z.number().int().min(200).max(10_000),
  }),
  z.object({ kind: z.literal('go-to-preset'), command: Id, camera: Id, preset: z.string().min(1).max(64) }),
  z.object({ kind: z.literal('self-test'), command: Id, resource: Id }),
  /** A warning to the public and to other offices, in the words of CAP 1.2. */
  z.object({
    kind: z.literal('publish-warning'),
    command: Id,
    /** Of this message; Id is stricter than CAP. */
    identifier: Id,
    messageType: z.enum(['alert', 'update', 'cancel']),
    sentAt: AtMs,
    isDrill: z.boolean(),
    /** Our earlier messages that this one replaces or ends. */
    references: z.array(z.object({ identifier: Id, sentAt: AtMs })).max(50),
    incident: z.string().max(80),
    category: WarningCategory,
    event: Name,
    level: Level,
    urgency: z.enum(['Immediate', 'Expected', 'Future', 'Past', 'Unknown']),
    certainty: z.enum(['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown']),
    expiresAt: AtMs.optional(),
    headline: Name,
    text: WarningText.optional(),
    instruction: WarningText.optional(),
    area: z.object({
      name: z.string().min(1).max(200),
      outline: z.array(Location).max(200).optional(),
      centre: Location.optional(),
      radiusKm: z.number().nonnegative().max(1000).optional(),
    }),
  }),
  /** Simulators only: a fault to show. */
  z.object({
    kind: z.literal('inject-fault'),
    command: Id,
    resource: Id,
    fault: Fault,
    amount: z.number().min(0).max(100_000).optional(),
  }),
]);
export type GatewayCommand = z.infer<typeof GatewayCommand>;

/** tocsin/<site>/gateway/<id>/command-result: done, or refused and why. */
export const GatewayCommandResult = z.object({
  command: Id,
  outcome: z.enum(['done', 'refused']),
  because: z.string().max(300).optional(),
});
export type GatewayCommandResult = z.infer<typeof GatewayCommandResult>;

/** tocsin/<site>/gateway/<id>/event: things that happened; `event` ids let the server drop a second copy after store and forward. */
export const GatewayEvent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('text-sent'),
    event: Id,
    at: AtMs,
    command: Id,
    parts: z.number().int().min(1),
    providerMessageId: z.string().max(100).optional(),
  }),
  z.object({ kind: z.literal('text-delivered'), event: Id, at: AtMs, command: Id }),
  /** It was sent, no receipt came, and the provider does not know either. */
  z.object({
    kind: z.literal('text-receipt-lost'),
    event: Id,
    at: AtMs,
    command: Id,
    because: z.string().max(300),
  }),
  z.object({
    kind: z.literal('text-failed'),
    event: Id,
    at: AtMs,
    command: Id,
    because: z.string().max(300),
    isFinal: z.boolean(),
  }),
  z.object({
    kind: z.literal('text-received'),
    event: Id,
    at: AtMs,
    from: z.string().max(24),
    to: z.string().max(24),
    text: z.string().max(2000),
  }),
  /** Squelch of a receiver: someone in the field speaks (or stopped). */
  z.object({
    kind: z.literal('squelch'),
    event: Id,
    at: AtMs,
    channel: Id,
    isOpen: z.boolean(),
    talker: z.string().max(80).optional(),
  }),
  /** A transmitter went on or off the air. */
  z.object({ kind: z.literal('keyed'), event: Id, at: AtMs, channel: Id, isKeyed: z.boolean() }),
  /** Proof of playout of one announcement by a zone's horns. */
  z.object({
    kind: z.literal('playout'),
    event: Id,
    at: AtMs,
    zone: Id,
    hornsPlaying: z.number().int().nonnegative(),
    hornsTotal: z.number().int().nonnegative(),
    packets: z.number().int().nonnegative(),
    /** Those of the horns whose names the gateway knows that have not proved it, at most 50. */
    silent: z.array(z.string().max(80)).max(50).optional(),
  }),
  /** A satellite modem has sent something: bytes in base 64, where it is, or both. */
  z.object({
    kind: z.literal('burst-received'),
    event: Id,
    at: AtMs,
    from: Id,
    payload: z
      .string()
      .max(2700)
      .regex(/^[A-Za-z0-9+/]*={0,2}$/)
      .optional(),
    location: Location.optional(),
  }),
  z.object({ kind: z.literal('resource'), event: Id, at: AtMs, resource: GatewayResource }),
  /** Another office warns (CAP 1.2). */
  z.object({
    kind: z.literal('warning'),
    event: Id,
    at: AtMs,
    /** Names the first message of the chain, this one, and what it does to the warning. */
    warning: Id,
    message: Id,
    messageType: z.enum(['alert', 'update', 'cancel']),
    isDrill: z.boolean(),
    level: Level,
    headline: Name,
    text: z.string().max(500),
    location: Location.optional(),
    expiresAt: AtMs.optional(),
  }),
]);
export type GatewayEvent = z.infer<typeof GatewayEvent>;

/** Topics, in one place. */
export const topics = {
  device: (site: string, device: string, what: 'alarm' | 'heartbeat' | 'location' | 'reading') =>
    `tocsin/${site}/device/${device}/${what}`,
  gateway: (site: string, gateway: string, what: 'online' | 'event' | 'command' | 'command-result') =>
    `tocsin/${site}/gateway/${gateway}/${what}`,
  allDevices: (site: string) => `tocsin/${site}/device/+/+`,
  allGateways: (site: string) => `tocsin/${site}/gateway/+/+`,
} as const;

/** Takes a topic apart; undefined when it is not one of ours. */
export function readTopic(
  topic: string,
): { site: string; noun: 'device' | 'gateway'; id: string; what: string } | undefined {
  const parts = topic.split('/');
  if (parts.length !== 5 || parts[0] !== 'tocsin') return undefined;
  const [, site, noun, id, what] = parts as [string, string, string, string, string];
  if ((noun !== 'device' && noun !== 'gateway') || !Id.safeParse(id).success) return undefined;
  return { site, noun, id, what };
}
