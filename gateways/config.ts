import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { Bearer, Id } from '@tocsin/protocol/common.ts';
import { ScaipCode } from './alarm/devices/scaip/meaning.ts';
import { Mapping } from './alarm/devices/webhook/mapping.ts';

const Port = z.number().int().min(0).max(65535);

const Provider = z
  .object({
    id: Id,
    protocol: z.enum(['smpp', 'cmpp']).optional(),
    host: z.string(),
    port: Port,
    tls: z.boolean().optional(),
    systemId: z.string().max(15),
    password: z.string().max(64),
    systemType: z.string().max(12).optional(),
    version: z.enum(['2.0', '3.0']).optional(),
    serviceId: z.string().max(10).optional(),
    sourceAddress: z.string().max(20),
    window: z.number().int().min(1).max(1000).optional(),
    longTexts: z.enum(['parts', 'payload']).optional(),
    perSecond: z.number().positive().max(10_000).optional(),
    perDay: z.number().int().min(1).optional(),
  })
  .refine(({ protocol, password }) => protocol === 'cmpp' || password.length <= 8, 'an SMPP password has 8 characters')
  .refine(({ protocol, systemId }) => protocol !== 'cmpp' || systemId.length <= 6, 'an SP_Id has 6 characters');

const PaZone = z.object({
  id: Id,
  /** Multicast group and port of the zone's horns. */
  group: z.string().regex(/^(?:22[4-9]|23[0-9])(?:\.[0-9]{1,3}){3}$/, 'a multicast address, 224.0.0.0-239.255.255.255'),
  port: Port.min(1),
  horns: z.number().int().min(1).max(1000).default(1),
  /** The names by which the horns report (their RTCP CNAME), so that a silent one can be named before it was ever heard. */
  names: z.array(z.string().max(80)).max(1000).optional(),
});

const CameraOfGateway = z
  .object({
    id: Id,
    url: z
      .string()
      .max(500)
      .regex(/^rtsps?:\/\/[^\s'"@]+$/, 'rtsp://host[:port]/path; user and password have fields of their own'),
    username: z.string().max(64).optional(),
    password: z.string().max(128).optional(),
    /** A file with the password on its first line, so that it need not stand here. */
    passwordFile: z.string().optional(),
    transport: z.enum(['tcp', 'udp']).optional(),
    encodeAnew: z.enum(['auto', 'always']).optional(),
    onvif: z
      .string()
      .max(500)
      .regex(/^http:\/\/[^\s'"@]+$/, 'http://host[:port]/onvif/device_service')
      .optional(),
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    message: 'a password or a file with it, not both',
  });

const peer = { listenPort: Port.default(0), remoteHost: z.string(), remotePort: Port.min(1) };

const common = { id: Id, bearer: Bearer.optional() };

/** Where a receiver of alarms listens, and which of its accounts is which device. */
const receiver = { ...common, host: z.string().optional(), port: Port.default(0) };
const Account = z.object({ account: z.string().min(1).max(120), device: Id });
const accounts = <Each extends z.ZodType>(each: Each) => z.array(each).max(10_000).default([]);

/** One gateway of the process, by its kind. */
export const GatewayConfig = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('sms'),
    ...common,
    providers: z.array(Provider).min(1).max(10),
    /** A receipt that has not come after this time is asked for; in the end it counts as lost. */
    receiptWithinMs: z
      .number()
      .int()
      .min(1000)
      .max(7 * 86_400_000)
      .optional(),
  }),
  z.object({
    kind: z.literal('pa'),
    ...common,
    /** Where the server's calls come in; 0 = chosen freely. */
    sipPort: Port.default(0),
    /** The address whose network the horns are in. */
    multicastInterface: z.string().default('127.0.0.1'),
    ttl: z.number().int().min(0).max(255).default(1),
    zones: z.array(PaZone).min(1).max(200),
  }),
  z.object({
    kind: z.literal('radio'),
    ...common,
    sipPort: Port.default(0),
    channel: Id,
    /** What the radio speaks: USRP over UDP, an ED-137 session, or bare RTP with voice-operated squelch. */
    air: z.discriminatedUnion('protocol', [
      z.object({ protocol: z.literal('usrp'), ...peer, talkgroup: z.number().int().min(0).max(16_777_215).optional() }),
      z.object({
        protocol: z.literal('ed137'),
        listenPort: Port.default(0),
        radio: z.string().regex(/^sip:[^\s@]+@\S+$/, 'a SIP address, sip:radio@host:port'),
        /** The frequency that is asked for, such as 118.005. */
        fid: z.string().max(32).optional(),
      }),
      z.object({ protocol: z.literal('rtp'), ...peer }),
    ]),
    keyedAtMostMs: z.number().int().min(1000).max(3600_000).optional(),
  }),
  z.object({
    kind: z.literal('satellite'),
    ...common,
    sipPort: Port.default(0),
    voice: z
      .object({
        far: z.string().regex(/^\S+:\d{1,5}$/, 'host:port of the satellite side'),
        farPort: Port.default(0),
        server: z.string().optional(),
        lines: z.number().int().min(1).max(100).optional(),
        bundleMs: z.number().int().min(20).max(200).optional(),
        delayMs: z.number().int().min(20).max(1000).optional(),
      })
      .optional(),
    bursts: z
      .object({
        listenPort: Port.default(0),
        operator: z.object({ host: z.string(), port: Port.min(1) }).optional(),
        modems: z
          .array(z.object({ id: Id, imei: z.string().regex(/^\d{15}$/, 'an IMEI has 15 digits') }))
          .min(1)
          .max(1000),
      })
      .optional(),
  }),
  z.object({
    kind: z.literal('alarm'),
    ...common,
    /** The broker of the devices' own system; absent: the server's. */
    sourceUrl: z.string().optional(),
    devices: z
      .array(z.object({ topic: z.string(), device: Id }))
      .min(1)
      .max(10_000),
  }),
  z.object({
    kind: z.literal('alarm-dc09'),
    ...receiver,
    devices: accounts(Account.extend({ key: z.string().max(64).optional() })),
  }),
  z.object({
    kind: z.literal('alarm-scaip'),
    ...receiver,
    user: z.string().max(64).optional(),
    devices: accounts(Account.extend({ password: z.string().max(200).optional() })),
    strangers: z.enum(['take', 'refuse']).optional(),
    codes: z.array(ScaipCode).max(500).optional(),
    callTo: z.string().max(200).optional(),
  }),
  z.object({
    kind: z.literal('cap'),
    ...receiver,
    sender: z.string().min(1).max(200),
    senderName: z.string().min(1).max(80),
    utcOffsetHours: z.number().min(-12).max(14).optional(),
    inFolder: z.string().optional(),
    /** Absent: `cap` in the data folder. */
    outFolder: z.string().optional(),
    token: z.string().min(8).max(200).optional(),
    feeds: z.array(z.url()).max(20).optional(),
    feedEveryMs: z.number().int().min(1000).optional(),
  }),
  z.object({
    kind: z.literal('telemetry-sl651'),
    ...receiver,
    utcOffsetHours: z.number().min(-12).max(14).optional(),
    answers: z.boolean().optional(),
    stations: z
      .array(
        z.object({
          address: z.string().regex(/^\d{10}$/, 'a station has ten digits'),
          password: z
            .string()
            .regex(/^[0-9A-Fa-f]{4}$/)
            .optional(),
          leastVolts: z.number().positive().optional(),
          gauges: z.array(
            z.object({
              element: z.string().regex(/^(?:[0-9A-Fa-f]{2}|[Ff]{2}[0-9A-Fa-f]{2})$/),
              gauge: Id,
              unit: z.string().max(16),
            }),
          ),
        }),
      )
      .min(1)
      .max(2000),
  }),
  z.object({
    kind: z.literal('alarm-contact-id'),
    ...common,
    host: z.string().optional(),
    sipPort: Port.default(0),
    numbers: z
      .array(z.string().regex(/^[0-9*#+]{2,24}$/))
      .min(1)
      .max(100),
    devices: accounts(Account),
  }),
  z.object({
    kind: z.literal('camera'),
    ...common,
    cameras: z.array(CameraOfGateway).min(1).max(200),
  }),
  z.object({
    kind: z.literal('alarm-webhook'),
    ...receiver,
    sources: z
      .array(
        z.object({
          id: Id,
          secret: z.string().min(8).max(200),
          signature: z
            .object({
              header: z.string().max(80),
              prefix: z.string().max(40).default(''),
              timeHeader: z.string().max(80).optional(),
            })
            .default({ header: 'X-Signature', prefix: 'sha256=' }),
          mapping: Mapping,
        }),
      )
      .min(1)
      .max(100),
    devices: accounts(Account),
  }),
]);
export type GatewayConfig = z.infer<typeof GatewayConfig>;

/** What `gateways/main.ts` is started with, by an IPC message or a file. */
export const GatewaysConfig = z.object({
  site: Id,
  mqtt: z.object({
    url: z.string(),
    username: z.string().optional(),
    password: z.string().optional(),
    keepAliveS: z.number().int().min(1).max(600).optional(),
  }),
  /** Address for SIP and RTP towards the server. */
  host: z.string().default('127.0.0.1'),
  /** Journals are written here. */
  dataFolder: z.string(),
  /** Addresses from which SIP calls are taken; absent: `host` and loopback. */
  servers: z.array(z.string()).optional(),
  /** Demonstrations and exercises only: gateways take the command `inject-fault`. */
  areFaultsAllowed: z.boolean().optional(),
  gateways: z.array(GatewayConfig).max(100),
});
export type GatewaysConfig = z.infer<typeof GatewaysConfig>;

/** Reads a YAML or JSON file. @throws with the place and the complaint in words. */
export function readGatewaysConfig(file: string): GatewaysConfig {
  return parseGatewaysConfig(parse(readFileSync(file, 'utf8')), file);
}

/** @throws with the complaint in words. */
export function parseGatewaysConfig(value: unknown, where = 'the gateways configuration'): GatewaysConfig {
  const parsed = GatewaysConfig.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`);
  throw new Error(`${where}: ${said.join('; ')}`);
}
