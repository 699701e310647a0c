/**
 * The console's wire: socket.io at `/socket.io`, default namespace, authenticated by the session cookie or
 * `auth: {token}`. The server sends `hello` at every (re)connection, then `changes`; the console sends `command`
 * and gets one `CommandResult` in the acknowledgement.
 */
import { z } from 'zod';
import { CallSettingsChange } from './call-settings.ts';
import { CALL_COMMANDS } from './call-commands.ts';
import { ORDER_ACTIONS } from './order-burst.ts';
import { Target } from './target.ts';
import { AnnouncementPriority, AtMs, Id, Level, Location, Name } from './common.ts';
import { Fault, WarningCategory, WarningText } from './gateway.ts';
import type { CommandResult } from './command-result.ts';
import type { ConferenceRoom, Person, Right, Site, User } from './directory.ts';
import type { ROUTING_FIELDS, Trunk } from './routing.ts';
import type { ServerToViewer } from './video.ts';
import type { LiveChange, LiveNoun, LiveNouns, TimelineEntry } from './views.ts';

/** Who is logged in, and his seat. */
export interface Me {
  user: string;
  name: { zh: string; en?: string };
  role: string;
  rights: Right[];
  organisation: string;
  /** The seat's browser phone: absent when the user has none. `password` is the account's, and only its own user is told. */
  phone?: { account: string; password: string; domain: string; webSocketPath: string };
}

/**
 * What the console may know of a site: secrets, care files (they come by `care.view`) and the rules of routing (they come by
 * `GET /api/routing`, to administrators) are left out.
 */
export type SiteView = Omit<
  Site,
  'accounts' | 'users' | 'people' | 'trunks' | 'rooms' | 'recording' | keyof typeof ROUTING_FIELDS
> & {
  people: Omit<Person, 'care'>[];
  /** Without their PINs. */
  rooms: Omit<ConferenceRoom, 'pin' | 'chairPin'>[];
  trunks: Pick<Trunk, 'id' | 'name' | 'bearer' | 'lines'>[];
  /** Whose ids stand in `startedBy`, `owner` and `acknowledgedBy`. */
  users: Pick<User, 'id' | 'name'>[];
};

export interface Hello {
  serverTime: number;
  me: Me;
  site: SiteView;
  live: { [Noun in LiveNoun]: LiveNouns[Noun][] };
}

/** Events from the server. */
export interface ServerToConsole extends ServerToViewer {
  hello: (hello: Hello) => void;
  changes: (changes: LiveChange[]) => void;
  /** New timeline entries within the user's rights, at most a few times a second. */
  entries: (entries: TimelineEntry[]) => void;
  /** Who speaks in a conference and how loud; volatile, at most 10 Hz. */
  levels: (conference: string, levels: { participant: string; levelDb: number }[]) => void;
  /** The session has ended (logged out elsewhere, expired). */
  'session-ended': (because: string) => void;
}

export type { Target } from './target.ts';
export type { CommandResult } from './command-result.ts';

/** Events from the console. */
export interface ConsoleToServer {
  command: (command: Command, done: (result: CommandResult) => void) => void;
  /** Video signalling: see video.ts. */
  video: (request: unknown, done: (result: CommandResult) => void) => void;
}

const note = z.string().max(500);

export const Command = z.discriminatedUnion('do', [
  // alarms
  z.object({
    do: z.literal('alarm.acknowledge'),
    alarm: Id,
    callBack: z.boolean().default(false),
    runPlan: z.boolean().default(false),
  }),
  z.object({
    do: z.literal('alarm.clear'),
    alarm: Id,
    as: z.enum(['handled', 'false-alarm', 'test']),
    note: note.default(''),
  }),
  z.object({ do: z.literal('alarm.to-incident'), alarm: Id }),
  /** Alarms of this source make no sound and no card until then: it is being worked on (ISA-18.2). */
  z.object({
    do: z.literal('alarm.shelve'),
    /** The source of this alarm, or a device or a gauge. */
    alarm: Id.optional(),
    source: Id.optional(),
    minutes: z.number().int().min(1).max(10_080),
    reason: z.string().min(1).max(200),
  }),
  z.object({ do: z.literal('alarm.unshelve'), source: z.string().min(1).max(200) }),
  z.object({ do: z.literal('bell.silence') }),
  // trunks: calls on it go on, and no new one goes out by it; `line` absent: the whole trunk
  z.object({
    do: z.literal('trunk.drain'),
    trunk: Id,
    line: Id.optional(),
    because: z.string().min(1).max(200),
  }),
  z.object({ do: z.literal('trunk.restore'), trunk: Id, line: Id.optional() }),
  // gauges: a recorded flood, played again as an exercise
  z.object({
    do: z.literal('gauges.replay'),
    /** What was recorded between these times … */
    from: AtMs.optional(),
    to: AtMs.optional(),
    /** … or this curve: minutes from its beginning, and values. */
    curve: z
      .array(z.object({ gauge: Id, minute: z.number().nonnegative().max(100_000), value: z.number() }))
      .max(10_000)
      .optional(),
    /** So many times faster than it was. */
    speed: z.number().min(1).max(36_000),
  }),
  z.object({ do: z.literal('gauges.stop-replay') }),
  // incidents
  z.object({ do: z.literal('incident.open'), title: z.string().min(1).max(120), level: Level }),
  z.object({ do: z.literal('incident.close'), incident: Id, note: note.default('') }),
  /** A warning for the public and other offices, by CAP 1.2: the first is an alert, the next ones update it. */
  z.object({
    do: z.literal('incident.publish-warning'),
    incident: Id,
    headline: Name,
    text: WarningText.optional(),
    instruction: WarningText.optional(),
    /** What happens, in a few words; absent: the incident's title. */
    event: Name.optional(),
    level: Level.optional(),
    category: WarningCategory.default('Safety'),
    urgency: z.enum(['Immediate', 'Expected', 'Future', 'Past', 'Unknown']).default('Immediate'),
    certainty: z.enum(['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown']).default('Likely'),
    forHours: z.number().min(1).max(168).default(6),
    area: z.object({
      name: z.string().min(1).max(200),
      outline: z.array(Location).max(200).optional(),
      centre: Location.optional(),
      radiusKm: z.number().nonnegative().max(1000).optional(),
    }),
  }),
  z.object({ do: z.literal('incident.cancel-warning'), incident: Id, text: note.default('') }),
  z.object({ do: z.literal('incident.mark'), incident: Id, text: note }),
  // plans
  z.object({
    do: z.literal('plan.start'),
    plan: Id,
    drill: z.boolean().default(false),
    incident: Id.optional(),
    alarm: Id.optional(),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  }),
  z.object({ do: z.literal('run.stop'), run: Id, note: note.default('') }),
  z.object({ do: z.literal('run.skip-step'), run: Id, step: Id, reason: z.string().min(1).max(500) }),
  z.object({ do: z.literal('run.answer'), run: Id, step: Id, choice: Id }),
  z.object({ do: z.literal('run.redial'), run: Id, person: Id }),
  z.object({ do: z.literal('run.call-deputy'), run: Id, person: Id }),
  z.object({ do: z.literal('run.confirm'), run: Id, person: Id, note: note.default('') }),
  // calls and conferences
  z.object({
    do: z.literal('conference.open'),
    targets: z.array(Target).max(400),
    name: z.string().max(80).optional(),
  }),
  z.object({ do: z.literal('conference.join'), conference: Id }),
  z.object({ do: z.literal('conference.add'), conference: Id, targets: z.array(Target).min(1).max(400) }),
  z.object({ do: z.literal('conference.remove'), conference: Id, participant: Id }),
  z.object({ do: z.literal('conference.mute'), conference: Id, participant: Id, isMuted: z.boolean() }),
  z.object({ do: z.literal('conference.mute-all'), conference: Id, isMuted: z.boolean() }),
  z.object({ do: z.literal('conference.let-speak'), conference: Id, participant: Id }),
  z.object({ do: z.literal('conference.lower-hand'), conference: Id, participant: Id }),
  z.object({
    do: z.literal('conference.keep-calling'),
    conference: Id,
    /** 0 stops. */
    rounds: z.number().int().min(0).max(20),
    everyS: z.number().int().min(10).max(3600).default(60),
  }),
  z.object({ do: z.literal('conference.redial'), conference: Id, participant: Id.optional() }),
  z.object({ do: z.literal('conference.lock'), conference: Id, isLocked: z.boolean() }),
  z.object({ do: z.literal('conference.end'), conference: Id }),
  z.object({ do: z.literal('conference.patch'), conference: Id, channel: Id }),
  /** Everybody in one hears everybody in the other; each keeps its own chair, number and recording. */
  z.object({ do: z.literal('conference.join-with'), conference: Id, other: Id }),
  z.object({ do: z.literal('conference.separate'), conference: Id, other: Id }),
  z.object({ do: z.literal('conference.unpatch'), conference: Id, channel: Id }),
  /** Joins channels, phones and, when one is named, a conference that runs already; `conference.end` undoes it. */
  z.object({
    do: z.literal('patch.open'),
    channels: z.array(Id).max(20),
    targets: z.array(Target).max(50).default([]),
    conference: Id.optional(),
    /** How telephones take the floor: with * and #, or by speaking. */
    keying: z.enum(['keys', 'voice']).default('voice'),
  }),
  z.object({
    do: z.literal('conference.volume'),
    conference: Id,
    participant: Id,
    gainDb: z.number().min(-60).max(20),
  }),
  /** Brings one, or everybody but the radios and whoever comes later, to the level of the others. */
  z.object({
    do: z.literal('conference.level'),
    conference: Id,
    participant: Id.optional(),
    isAutomatic: z.boolean(),
  }),
  z.object({ do: z.literal('call.end'), call: Id }),
  ...CALL_COMMANDS,
  z.object({ do: z.literal('call-settings.change'), account: z.string().max(40), change: CallSettingsChange }),
  // radio: the floor of a channel; the seat's own phone is joined to the channel first
  z.object({ do: z.literal('channel.listen'), channel: Id }),
  z.object({ do: z.literal('channel.leave'), channel: Id }),
  z.object({
    do: z.literal('floor.request'),
    channel: Id,
    /** Who cannot have the floor now waits for it; `floor.release` gives up waiting. */
    queue: z.boolean().default(false),
    /** Takes the floor from everybody but another emergency, and talks over the air. */
    emergency: z.boolean().default(false),
  }),
  z.object({ do: z.literal('floor.release'), channel: Id }),
  /** A tone on the air that makes everybody listen. */
  z.object({
    do: z.literal('channel.alert-tone'),
    channel: Id,
    tone: z.enum(['steady', 'warble', 'pulsed']),
    seconds: z.number().min(0.5).max(20).default(3),
  }),
  /** Which talkgroup the channel is on; 0 = whichever its network is on. */
  z.object({
    do: z.literal('channel.select-talkgroup'),
    channel: Id,
    talkgroup: z.number().int().min(0).max(16_777_215),
  }),
  // loudspeakers
  z.object({
    do: z.literal('page.say'),
    zones: z.array(Id).min(1).max(200),
    text: z.string().min(1).max(500),
    language: z.enum(['zh', 'en']).default('zh'),
    siren: z.boolean().default(false),
    times: z.number().int().min(1).max(20).default(1),
    untilStopped: z.boolean().default(false),
    priority: AnnouncementPriority.default('urgent'),
  }),
  z.object({
    do: z.literal('page.play'),
    zones: z.array(Id).min(1).max(200),
    /** One of the site's sounds. */
    sound: Id,
    times: z.number().int().min(1).max(20).default(1),
    untilStopped: z.boolean().default(false),
    /** Absent: the sound's own. */
    priority: AnnouncementPriority.optional(),
  }),
  z.object({
    do: z.literal('page.speak'),
    zones: z.array(Id).min(1).max(200),
    priority: AnnouncementPriority.default('urgent'),
  }),
  z.object({ do: z.literal('page.stop'), zones: z.array(Id).min(1).max(200) }),
  // short messages
  /** An order down the ladder: a phone of ours, a number outside, a short message, a satellite burst, until each has answered. */
  z.object({
    do: z.literal('order.send'),
    targets: z.array(Target).min(1).max(400),
    level: Level,
    action: z.enum(ORDER_ACTIONS.map(({ id }) => id)),
    where: z.string().min(1).max(20),
    words: z.string().max(60).default(''),
  }),
  z.object({
    do: z.literal('text.send'),
    targets: z.array(Target).min(1).max(400),
    text: z.string().min(1).max(500),
    /** The template that the text was made from: words in braces are filled in for each recipient. */
    template: Id.optional(),
    values: z.record(z.string().max(40), z.string().max(200)).default({}),
    incident: Id.optional(),
  }),
  // faults for an exercise, at gateways that allow them
  z.object({
    do: z.literal('fault.inject'),
    gateway: Id,
    resource: Id,
    fault: Fault,
    amount: z.number().min(0).max(100_000).optional(),
    /** Mended by itself after this time. */
    seconds: z.number().int().min(1).max(3600).default(300),
  }),
  // every resource is tried, as each morning
  z.object({ do: z.literal('check.start') }),
  // conversations by text, by the number's key
  z.object({ do: z.literal('thread.reply'), thread: Id, text: z.string().min(1).max(500) }),
  z.object({ do: z.literal('thread.take'), thread: Id }),
  z.object({ do: z.literal('thread.close'), thread: Id }),
  // video
  z.object({ do: z.literal('video.ask'), targets: z.array(Target).min(1).max(50), incident: Id.optional() }),
  z.object({ do: z.literal('video.end'), feed: Id }),
  /** Keeps the next whole picture as evidence. */
  z.object({ do: z.literal('video.snapshot'), feed: Id }),
  z.object({ do: z.literal('video.record'), feed: Id, isOn: z.boolean() }),
  /** A camera's picture is wanted: [{ feed }], the one that runs already if there is one. */
  z.object({ do: z.literal('camera.open'), camera: Id, incident: Id.optional() }),
  /** Moves its head, each way from -1 to 1 of its speed: said again while a key is held, all 0 when it is let go. */
  z.object({
    do: z.literal('camera.move'),
    camera: Id,
    pan: z.number().min(-1).max(1).default(0),
    tilt: z.number().min(-1).max(1).default(0),
    zoom: z.number().min(-1).max(1).default(0),
  }),
  z.object({ do: z.literal('camera.preset'), camera: Id, preset: z.string().min(1).max(64) }),
  // people
  z.object({ do: z.literal('care.view'), person: Id, alarm: Id.optional() }),
  // the whole
  z.object({ do: z.literal('mode.set'), mode: z.enum(['peace', 'emergency']) }),
  // demonstration site only
  z.object({ do: z.literal('demo.press-device'), device: Id }),
  z.object({ do: z.literal('demo.radio-speaks'), channel: Id, seconds: z.number().min(1).max(30).default(5) }),
]);
export type Command = z.infer<typeof Command>;
export type CommandName = Command['do'];
export type CommandOf<Name extends CommandName> = Extract<Command, { do: Name }>;
