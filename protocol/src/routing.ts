import { z } from 'zod';
import { Bearer, Id, Name } from './common.ts';

/**
 * Numbers by pattern: digits, `*`, `#`, `+` stand for themselves, `x` for any digit, `[1-3]` or `[25]` for one of these
 * digits, and a last `.` for whatever follows, also nothing.
 */
export const NumberPattern = z
  .string()
  .regex(
    /^(?=.)(?:[0-9*#+x]|\[(?:[0-9](?:-[0-9])?){1,10}\]){0,40}\.?$/,
    'a pattern has digits, *, #, +, x (any digit), [2-8] (one of), and at the end . (whatever follows)',
  );

/** What becomes of a number that matches: so many characters are cut from its front, and others put there. */
const NumberRewrite = z.object({
  match: NumberPattern,
  strip: z.number().int().min(0).max(24).default(0),
  add: z
    .string()
    .regex(/^[0-9*#+]{0,24}$/, 'what is put in front has up to 24 digits, *, # or +')
    .default(''),
});
export type NumberRewrite = z.infer<typeof NumberRewrite>;

/** The first that matches is applied; a number that none matches stays as it is. */
const NumberRules = z.array(NumberRewrite).max(200).default([]);

/** What it costs and how far it goes. Calls inside the house have no class. */
export const NumberClass = z.enum(['emergency', 'local', 'long-distance', 'international', 'premium']);
export type NumberClass = z.infer<typeof NumberClass>;

/** What the callers of a class may call, and how much. Emergency numbers are always allowed. */
export const CallClass = z.object({
  id: Id,
  name: Name,
  mayCall: z.array(NumberClass).max(5).default([]),
  /** Outside calls at the same time, of each account or, for a trunk, of all its callers; absent: not limited. */
  callsAtOnce: z.number().int().min(1).max(10_000).optional(),
  /** Outside calls begun within any hour; absent: not limited. */
  callsPerHour: z.number().int().min(1).max(1_000_000).optional(),
});
export type CallClass = z.infer<typeof CallClass>;

const TimeOfDay = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/, 'a time of day is 00:00 to 24:00');
const Day = z.iso.date('a day is written 2026-10-01');
const Weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
export type Weekday = z.infer<typeof Weekday>;

/** When something is open, in the site's time zone. */
export const Calendar = z.object({
  id: Id,
  name: Name,
  /** `from` later than `to`: over midnight, into the next day. */
  weekly: z
    .array(z.object({ days: z.array(Weekday).min(1).max(7), from: TimeOfDay, to: TimeOfDay }))
    .min(1)
    .max(50),
  /** Closed all day; `to` is the last of several days. */
  holidays: z
    .array(z.object({ name: Name.optional(), from: Day, to: Day.optional() }))
    .max(500)
    .default([]),
  /** Days worked in place of others (调休): like that day of the week, whatever else they are. */
  workdays: z
    .array(z.object({ date: Day, as: Weekday.default('mon') }))
    .max(500)
    .default([]),
});
export type Calendar = z.infer<typeof Calendar>;

const Patterns = z.array(NumberPattern).min(1).max(1000);

/** A rule of the administrator: calls that fit everything under `when` go as `then` says. The first that fits counts. */
export const Route = z.object({
  id: Id,
  name: Name,
  when: z
    .object({
      called: Patterns.optional(),
      calling: Patterns.optional(),
      /** Came by one of these trunks. */
      trunk: z.array(Id).min(1).max(100).optional(),
      /** The caller's call class. */
      class: z.array(Id).min(1).max(100).optional(),
      /** The caller is a person of one of these groups. */
      group: z.array(Id).min(1).max(100).optional(),
      region: z.array(Id).min(1).max(100).optional(),
      /** An important caller of at least this level. */
      vip: z.number().int().min(1).max(9).optional(),
      /** A calendar that is open, or closed, at that time. */
      during: Id.optional(),
      outside: Id.optional(),
    })
    .strict(),
  then: z.union([
    /** Goes on as if this number had been dialled, by the site's own right. */
    z.object({ number: z.string().regex(/^[0-9*#+]{1,24}$/, 'a number has 1-24 digits, *, # or +') }).strict(),
    /** Goes on, but only by these trunks, in this order. */
    z.object({ trunks: z.array(Id).min(1).max(20) }).strict(),
    z.object({ refuse: Name }).strict(),
  ]),
});
export type Route = z.infer<typeof Route>;

/** A caller who is not wanted. */
export const BlacklistEntry = z.object({
  number: NumberPattern,
  because: z.string().max(200).default(''),
  /** The last day it counts, in the site's time zone; absent: for good. */
  until: Day.optional(),
});
export type BlacklistEntry = z.infer<typeof BlacklistEntry>;

/** How calls find their way at a site. */
export const ROUTING_FIELDS = {
  /** IANA name; calendars are read in it. */
  timeZone: z.string().refine(isTimeZone, 'is no time zone; write it as Asia/Shanghai').default('Asia/Shanghai'),
  calendars: z.array(Calendar).max(100).default([]),
  routes: z.array(Route).max(1000).default([]),
  blacklist: z.array(BlacklistEntry).max(10_000).default([]),
  /** Important callers; 9 is the highest level. */
  vips: z
    .array(z.object({ number: NumberPattern, level: z.number().int().min(1).max(9).default(1), name: Name.optional() }))
    .max(10_000)
    .default([]),
  /** Where numbers come from; the first that matches. */
  regions: z
    .array(z.object({ id: Id, name: Name, numbers: z.array(NumberPattern).min(1).max(5000) }))
    .max(1000)
    .default([]),
  /** Which class an outside number is; the first that matches. Absent: the numbering of China. */
  numberClasses: z
    .array(z.object({ class: NumberClass, numbers: z.array(NumberPattern).min(1).max(1000) }))
    .max(100)
    .default([
      { class: 'emergency', numbers: ['110', '112', '119', '120', '122'] },
      { class: 'premium', numbers: ['160.', '168.', '010168.', '02x168.', '0[3-9]xx168.'] },
      { class: 'long-distance', numbers: ['+86.', '0086.', '0[1-9].'] },
      { class: 'international', numbers: ['00.', '+.'] },
      { class: 'local', numbers: ['[1-9].'] },
    ]),
  callClasses: z.array(CallClass).max(100).default([]),
  /** The class of accounts that name none. */
  callClass: Id.optional(),
  /** What the site is built or licensed for; beyond it calls and log-ins are refused by name. */
  capacity: z
    .object({
      /** Lines of all trunks together, in and out. */
      lines: z.number().int().min(1).max(100_000).optional(),
      /** Seats taken at the same time: desks with a telephone account that are logged in and connected. */
      seats: z.number().int().min(1).max(100_000).optional(),
    })
    .optional(),
};

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.length > 0;
  } catch {
    return false;
  }
}

/** A line of a gateway to the telephone network: an analogue port, a channel of an E1, a SIM card. */
export const TrunkLine = z.object({
  id: Id,
  name: Name.optional(),
  /** Its own number in the network: calls to it came over this line. */
  number: z.string().max(24).optional(),
});
export type TrunkLine = z.infer<typeof TrunkLine>;

/** Lines to another network. `take` says which sources are taken without digest; `send` where numbers with `prefix` go. */
export const Trunk = z.object({
  id: Id,
  name: Name,
  bearer: Bearer.default('pstn'),
  /** What is behind it: another SIP network, or a gateway with lines of this kind. */
  kind: z.enum(['carrier', 'analogue', 'e1', 'gsm', 'satellite']).default('carrier'),
  take: z.object({ host: z.string(), ports: z.tuple([z.number().int(), z.number().int()]) }).optional(),
  send: z
    .object({
      prefix: z.string().regex(/^[0-9]{1,6}$/),
      host: z.string(),
      port: z.number().int(),
      stripPrefix: z.boolean().default(true),
      transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
      /** Of several trunks with one prefix the lowest is tried first. */
      priority: z.number().int().min(1).max(100).default(1),
      /** Among those of one priority: the share of calls that it is tried first for. */
      weight: z.number().int().min(1).max(100).default(1),
    })
    .optional(),
  /** We register there as a client, and prove ourselves with these when a call is challenged. */
  register: z
    .object({
      /** sip: address of the registrar. */
      registrar: z.string().regex(/^sips?:[^@\s]+$/, 'a registrar is written sip:host:port'),
      user: z.string().min(1).max(80),
      password: z.string().max(200).optional(),
      expiresS: z.number().int().min(60).max(86_400).default(600),
    })
    .optional(),
  /** Asked by OPTIONS this often whether it lives; absent: never, only calls tell. */
  superviseEveryS: z.number().int().min(2).max(3600).optional(),
  /** How numbers are written on the other side. `in` makes theirs ours, `out` ours theirs (after the prefix is cut). */
  numbers: z
    .object({
      in: z.object({ called: NumberRules, calling: NumberRules }).prefault({}),
      out: z.object({ called: NumberRules, calling: NumberRules }).prefault({}),
    })
    .prefault({}),
  /** What the other side is told of the caller. */
  identity: z
    .object({
      /** `caller`: his own number. `main`: always `number`. `none`: nothing; he stays anonymous (RFC 3323, RFC 3325). */
      show: z.enum(['caller', 'main', 'none']).default('caller'),
      /** The site's number at this trunk. */
      number: z
        .string()
        .regex(/^[0-9+]{1,24}$/)
        .optional(),
      /** `from`: in From alone. `asserted`: in P-Asserted-Identity as well (RFC 3325), for a network that trusts us. */
      by: z.enum(['from', 'asserted']).default('from'),
      /** The domain in both; absent: our own address in From, the trunk's host in P-Asserted-Identity. */
      domain: z.string().max(200).optional(),
      /** Believe what it says of its callers in P-Asserted-Identity. */
      believes: z.boolean().default(true),
    })
    .prefault({}),
  /** What its callers may call on through us; absent: nothing outside. */
  callClass: Id.optional(),
  /** Calls at the same time, in and out. */
  lines: z.number().int().min(1).max(10_000).default(30),
  /** The lines by name, where the gateway tells and takes them (RFC 4904 `tgrp`). */
  lineNames: z.array(TrunkLine).max(1000).default([]),
});
export type Trunk = z.infer<typeof Trunk>;

/** What would happen to a call, in words. */
export interface RoutingAnswer {
  atMs: number;
  question: Name;
  outcome: Name;
  /** The numbers as the site writes them. */
  calling: string;
  called: string;
  /** Each stage that had something to say; `decides` is true for one at most. */
  steps: { stage: string; name: Name; said: Name; decides: boolean }[];
}

/** A caller on the blacklist; one of the site's file has no id and cannot be taken off. */
export type BlacklistView = BlacklistEntry & { id?: string; addedBy?: string; addedAtMs?: number };
