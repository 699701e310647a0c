/**
 * What the console shows: one type a noun. The server decides, the console shows; an item is always sent whole.
 * Times are milliseconds since 1970 by the server's clock; `hello` carries the server's time so that ages are right.
 */
import type { GatewayOnline, GatewayResource } from './gateway.ts';
import type { OrderView } from './orders.ts';
import type { AnnouncementPriority, Bearer, Level, Location, Name } from './common.ts';

/** Progress of reaching one person over one channel (the notification ledger). */
export type LedgerState =
  | 'queued'
  | 'sent'
  | 'delivered'
  | 'rung'
  | 'answered'
  | 'confirmed'
  | 'joined'
  | 'refused'
  | 'busy'
  | 'unanswered'
  | 'unreachable'
  | 'failed'
  | 'voicemail'
  | 'left'
  | 'replaced'
  | 'skipped';
export type LedgerChannel = 'voice' | 'sms' | 'pa' | 'radio' | 'video';

export interface LedgerRow {
  id: string;
  run: string;
  step: string;
  /** A person's id, or a zone's, or a channel's. */
  person: string;
  channel: LedgerChannel;
  state: LedgerState;
  /** When this state was reached. */
  at: number;
  attempts: number;
  /** In the user's words, when there is something to say: 空号, 语音信箱, 代理人 … */
  detail?: string;
  /** Who stands in for whom, when this row is a deputy's. */
  standsInFor?: string;
  /** States passed, oldest first: the evidence. */
  history: { state: LedgerState; at: number; detail?: string }[];
}

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

export interface StepView {
  id: string;
  kind: string;
  name: Name;
  /** Steps that must have ended before this one starts. */
  after: string[];
  state: StepState;
  startedAt?: number;
  endedAt?: number;
  /** 0-1 while running, when it is known. */
  progress?: number;
  /** One line of what it has done: 在会 9/12 · 振铃 1. */
  summary?: Name;
  /** Why it failed or was skipped. */
  because?: string;
  /** A question that waits for a dispatcher (ask-dispatcher). */
  question?: { text: Name; choices: { id: string; name: Name }[]; answerBy?: number };
}

export interface RunView {
  id: string;
  plan: string;
  planName: Name;
  planVersion: string;
  isDrill: boolean;
  state: 'running' | 'done' | 'failed' | 'stopped';
  /** Named reason of the end: all-steps-ended, stopped-by-dispatcher, server-restarted, … */
  because?: string;
  startedBy: string;
  startedAt: number;
  endedAt?: number;
  incident?: string;
  alarm?: string;
  conference?: string;
  steps: StepView[];
  ledger: LedgerRow[];
  /** Milliseconds from the press to the first INVITE and the first PA packet on the wire, as measured in this run. */
  figures: { firstInviteMs?: number; firstAnnouncementMs?: number; allDialledMs?: number };
}

export interface PlanView {
  id: string;
  name: Name;
  version: string;
  description?: Name;
  /** Position among the desk's buttons, from 1; absent: not on the desk. */
  button?: number;
  readiness: { state: 'ready' | 'degraded' | 'not-ready'; people: number; seconds: number; problems: Name[] };
  steps: { id: string; kind: string; name: Name; after: string[] }[];
}

export type AlarmState = 'raised' | 'acknowledged' | 'cleared' | 'shelved';

export interface AlarmView {
  id: string;
  kind: string;
  level: Level;
  title: Name;
  /** One line of facts. */
  facts: Name;
  /** What the system has done or proposes. */
  doing?: Name;
  state: AlarmState;
  raisedAt: number;
  /** Milliseconds from the device's own time, or from arrival, to the card. */
  acknowledgedBy?: string;
  acknowledgedAt?: number;
  clearedAt?: number;
  clearedAs?: 'handled' | 'false-alarm' | 'test' | 'recovered';
  note?: string;
  device?: string;
  gauge?: string;
  /** The rule over several gauges that is met. */
  rule?: string;
  zone?: string;
  person?: string;
  location?: Location;
  /** The cameras that look nearest to its place, nearest first; they were opened with it. */
  cameras?: string[];
  incident?: string;
  run?: string;
  proposedPlan?: string;
  /** How many signals are merged into this card, itself included. */
  count: number;
  batteryPercent?: number;
  /** What raised it is over by the device's own word; it stays until someone has looked after it (ISA-18.2). */
  normalAt?: number;
  /** Marked as exercise: what it brings about is a drill. */
  isDrill?: boolean;
  /** It ends by itself then, when nobody has taken it. */
  expiresAt?: number;
}

/** A source of alarms that is silenced for a time. */
export interface ShelfView {
  /** Device, gauge, or what makes an alarm of the system the same alarm. */
  id: string;
  name: Name;
  since: number;
  until: number;
  by: string;
  reason: string;
}

export interface IncidentView {
  id: string;
  /** Short number for people: 0412. */
  number: string;
  title: Name;
  level: Level;
  state: 'open' | 'closed';
  isDrill: boolean;
  openedAt: number;
  closedAt?: number;
  owner?: string;
  alarms: string[];
  runs: string[];
  people: number;
  stepsDone: number;
  stepsAll: number;
}

export type ParticipantState =
  | 'queued'
  | 'dialling'
  | 'ringing'
  | 'confirming'
  | 'in'
  | 'held'
  | 'refused'
  | 'busy'
  | 'unanswered'
  | 'unreachable'
  | 'voicemail'
  | 'left'
  | 'removed'
  | 'replaced';

/** How well a leg is heard here, measured at this end; renewed every few seconds while it speaks. */
export interface LegQualityView {
  codec: string;
  /** SRTP. */
  isSecured: boolean;
  /** Of the packets of the last seconds. */
  lossPercent: number;
  jitterMs: number;
  /** From RTCP, where the far end reports. */
  roundTripMs?: number;
  /** Estimated mean opinion score, 1 (bad) to 4.5. */
  mos?: number;
}

export interface ParticipantView {
  id: string;
  kind: 'person' | 'number' | 'channel' | 'seat' | 'field';
  person?: string;
  channel?: string;
  feed?: string;
  name: Name;
  role: string;
  number: string;
  bearer: 'desk' | 'mobile' | 'home' | 'satellite' | 'radio' | 'browser' | 'field';
  state: ParticipantState;
  stateSince: number;
  attempts: number;
  isChair: boolean;
  isMuted: boolean;
  isSpeaking: boolean;
  /** How much louder or quieter than he speaks the others hear him; absent: as he speaks. */
  volumeDb?: number;
  /** He is brought to the level of the others by itself. */
  isLevelled?: boolean;
  /** He asks for the word since then. */
  handUpSince?: number;
  standsInFor?: string;
  replacedBy?: string;
  call?: string;
  /** Named reason of the last ending. */
  because?: string;
  quality?: LegQualityView;
}

export interface ConferenceView {
  id: string;
  number: string;
  name: Name;
  run?: string;
  incident?: string;
  openedAt: number;
  isLocked: boolean;
  isRecording: boolean;
  /** What is said now stays out of the recording. */
  isRecordingPaused?: boolean;
  isMutedAll: boolean;
  /** Everybody but the radios is brought to one level. */
  isLevelled?: boolean;
  isDrill: boolean;
  /** Ids of the conferences that it hears and that hear it. */
  joinedWith?: string[];
  /** Who is missing is called again by itself. */
  keepsCalling?: { everyS: number; roundsLeft: number };
  participants: ParticipantView[];
}

/** Somebody of a higher rank hears a talk: alone, whispering to one, or heard by all. Shown to those who may supervise. */
export interface SupervisionView {
  id: string;
  mode: 'listen' | 'whisper' | 'barge';
  /** User's id, or the number of the phone. */
  by: string;
  name: Name;
  number: string;
  call?: string;
  conference?: string;
  /** What is supervised, in short. */
  title: string;
  /** Whom a whisper is for: a number. */
  towards?: string;
  since: number;
}

/** A hunt group, and why each member would be rung now, or not. */
export interface HuntGroupView {
  number: string;
  name: Name;
  strategy: 'in-turn' | 'all-at-once' | 'longest-idle';
  overflow?: string;
  members: {
    number: string;
    person?: string;
    name?: Name;
    state: 'free' | 'busy' | 'do-not-disturb' | 'unregistered';
    /** When his last talk ended; 0: none since the server's start. */
    freeSince: number;
  }[];
}

/** A call as the desks see it. */
export interface CallView {
  id: string;
  kind: 'two-party' | 'conference' | 'channel' | 'echo' | 'announcement' | 'plan';
  /** `region`: where the number is from; `vip`: how important its owner is, 1 to 5, by the site's lists. */
  from: { number: string; name?: Name; person?: string; region?: Name; vip?: number };
  to: { number: string; name?: Name; person?: string };
  state: 'ringing' | 'answered' | 'held' | 'ended';
  startedAt: number;
  answeredAt?: number;
  endedAt?: number;
  because?: string;
  /** What the network told of why the call did not get through: SIP status, Q.850 cause, and in words. */
  cause?: { status?: number; q850: number; words: Name };
  /** The trunk it goes out by, or came in by. */
  trunk?: string;
  conference?: string;
  channel?: string;
  alarm?: string;
  /** It waits in a slot, with music. */
  parked?: { slot: string; by: string; since: number };
  /** When it will be cut. */
  endsAt?: number;
  /** `because` in words. */
  ending?: Name;
  /** The call that this one consults about. */
  about?: string;
  isRecording: boolean;
  /** What is said now stays out of the recording. */
  isRecordingPaused?: boolean;
}

/** Lines to another network, and how they are used. */
export interface TrunkView {
  id: string;
  name: Name;
  bearer: Bearer;
  kind: 'carrier' | 'analogue' | 'e1' | 'gsm' | 'satellite';
  /** `unknown`: nobody has asked it, and no call has gone by it yet. */
  health: 'up' | 'down' | 'unknown';
  since: number;
  /** Why it is down. */
  why?: Name;
  /** Somebody has taken it out of service: its calls go on, no new one goes out by it. */
  outOfService?: { by: string; because: string; since: number };
  /** Absent: it needs no registration. */
  isRegistered?: boolean;
  lines: number;
  inUse: number;
  /** The calls on it, the oldest first. */
  uses: { direction: 'in' | 'out'; number: string; line?: string; since: number }[];
  /** Lines that have names; one that its gateway refused lately is faulty. */
  lineNames: { id: string; name?: Name; number?: string; isFaulty: boolean; isOutOfService?: true }[];
  /** Since the start: tried, answered, failed by the trunk's own fault, found every line in use. */
  calls: { tried: number; answered: number; failed: number; full: number };
}

/** A phone of the house: what it does now, and what its owner wants done with calls to it. */
export interface PhoneView {
  /** The account, which is its number. */
  id: string;
  name?: Name;
  person?: string;
  state: 'idle' | 'calling' | 'ringing' | 'talking' | 'held' | 'unregistered';
  since: number;
  /** The number at the other end. */
  other?: string;
  doNotDisturb: boolean;
  /** Every call to it goes there. */
  forwardsTo?: string;
}

/** A call that waits for its time: `from` is rung first, then `to`. */
export interface BookingView {
  id: string;
  from: string;
  to: string;
  at: number;
  /** A user's id, or the number of the phone that booked it. */
  bookedBy: string;
}

/** What is known of someone or something that can be called: the glyph on its key. */
export interface PresenceView {
  /** Person's id. */
  id: string;
  state:
    | 'idle'
    | 'dialling'
    | 'ringing'
    | 'in'
    | 'speaking'
    | 'held'
    | 'busy'
    | 'unanswered'
    | 'refused'
    | 'away'
    | 'unregistered';
  since: number;
  /** Who stands in while away. */
  deputy?: string;
  location?: Location;
}

export interface ZoneView {
  id: string;
  state: 'idle' | 'playing' | 'part-silent' | 'down' | 'unknown';
  since: number;
  hornsPlaying?: number;
  hornsTotal: number;
  /** Horns that have not proved that they play, where the gateway knows their names. */
  silentHorns?: string[];
  /** What is being played. */
  announcement?: string;
  priority?: AnnouncementPriority;
  /** Announcements that it has interrupted, or that wait for it to end. */
  waiting?: number;
}

export interface ChannelView {
  id: string;
  state: 'idle' | 'transmitting' | 'receiving' | 'down' | 'unknown';
  since: number;
  /** Who has the floor: a name in the user's words. */
  talker?: string;
  /** True when the floor is held by a console's user; `holder` says which. */
  holder?: string;
  /** The talker has taken the floor as an emergency. */
  isEmergency?: boolean;
  /** When the talker is warned, and when he loses the floor. */
  warnAt?: number;
  limitAt?: number;
  /** Who waits for the floor, the next one first. */
  queue: { id: string; name: string }[];
  conference?: string;
  bearer: Bearer;
  /** 0-100 as the gateway measures it; absent when it does not. */
  linkQualityPercent?: number;
  /** From here to the ear in the field, about. */
  oneWayDelayMs: number;
}

export interface GaugeView {
  id: string;
  value?: number;
  at?: number;
  trend?: 'rising' | 'steady' | 'falling';
  /** Change per hour, in the gauge's unit. */
  ratePerHour?: number;
  /** Highest threshold that the value exceeds. */
  over?: { level: Level; threshold: number };
  isSilent: boolean;
}

export interface DeviceView {
  id: string;
  lastHeardAt?: number;
  batteryPercent?: number;
  isSilent: boolean;
  location?: Location;
}

export interface FeedView {
  id: string;
  person?: string;
  /** A camera of the site. */
  camera?: string;
  name: Name;
  state: 'invited' | 'opened' | 'live' | 'lost' | 'ended';
  since: number;
  invitedAt: number;
  liveSince?: number;
  endedBecause?: string;
  /** Why a camera gives no picture now: one of CAMERA_TROUBLES. */
  trouble?: string;
  hasVideo: boolean;
  hasAudio: boolean;
  isRecording: boolean;
  location?: Location;
  conference?: string;
  run?: string;
  incident?: string;
  viewers: number;
}

/**
 * Why a camera gives no picture; the console has each in the user's words. The gateway finds all but the last two, which only the
 * server can know.
 */
export const CAMERA_TROUBLES = [
  /** Nobody answers at its address: unplugged, no power, no network. */
  'camera-unreachable',
  /** It does not take the user name and password. */
  'camera-password-wrong',
  /** It answers, but has no such stream. */
  'camera-stream-unknown',
  /** What answers does not speak RTSP. */
  'camera-not-rtsp',
  /** Its stream has no picture. */
  'camera-without-picture',
  /** The picture has stopped, or what comes is none. */
  'camera-silent',
  /** The sender beside the camera did not start or has died. */
  'camera-sender-failed',
  /** Packets come, but none with which a picture could begin. */
  'camera-no-key-frame',
  /** The gateway that the camera is behind is away. */
  'camera-gateway-away',
] as const;
export type CameraTrouble = (typeof CAMERA_TROUBLES)[number];

/** A camera of the site: whether it is there, and its feed while somebody wants its picture. */
export interface CameraView {
  id: string;
  /** `unknown`: its gateway has not told of it yet. */
  state: 'ready' | 'down' | 'unknown';
  trouble?: CameraTrouble;
  /** What an engineer wants to know. */
  detail?: string;
  feed?: string;
  /** Its head can be moved; the places that it knows. */
  presets?: { id: string; name: string }[];
  /** The user who moves it now. */
  steeredBy?: string;
}

/** A conversation by text with one number that has written to us. */
export interface ThreadView {
  /** The number in the one form that both directions share. */
  id: string;
  number: string;
  person?: string;
  /** Whose question was answered, or who took it; absent: it waits in the queue for any seat. */
  owner?: string;
  state: 'waiting' | 'answered';
  /** When the last text came in. */
  at: number;
  /** The last ones, oldest first. */
  texts: {
    id: string;
    at: number;
    isInbound: boolean;
    text: string;
    state?: 'queued' | 'sent' | 'delivered' | 'receipt-lost' | 'failed';
    by?: string;
  }[];
}

/** A gateway and what it reaches. */
export interface GatewayView {
  id: string;
  kind: GatewayOnline['kind'];
  isOnline: boolean;
  since: number;
  bearer?: Bearer;
  linkQualityPercent?: number;
  resources: GatewayResource[];
  /** Faults that were injected and stand, by resource. */
  faults: { resource: string; fault: string; amount?: number; by: string; since: number }[];
}

/** One thing that the morning check tries. */
export interface CheckItem {
  id: string;
  kind: 'house' | 'gateway' | 'trunk' | 'radio' | 'horn' | 'texts' | 'number' | 'device' | 'sensor' | 'camera';
  name: Name;
  state: 'waiting' | 'ok' | 'failed' | 'skipped';
  detail?: string;
  /** How long the test took. */
  ms?: number;
  /** How it stood at the check before. */
  before?: 'waiting' | 'ok' | 'failed' | 'skipped';
}

/** A morning check: running, or its result. */
export interface CheckView {
  id: string;
  startedAt: number;
  endedAt?: number;
  /** A user's id, or `schedule`. */
  startedBy: string;
  failed?: number;
  all?: number;
  items: CheckItem[];
}

/** A thing the desk depends on, in the header: 中继 话机 无线 广播 短信 卫星 视频 数据. */
export interface LinkView {
  id: 'trunk' | 'phones' | 'radio' | 'pa' | 'sms' | 'satellite' | 'video' | 'data';
  state: 'works' | 'degraded' | 'down' | 'absent';
  since: number;
  /** Short value beside the name: 46/48, 断, 编译 120/262. */
  value?: string;
  detail?: Name;
}

export interface SystemView {
  id: 'system';
  mode: 'peace' | 'emergency';
  /** A drill is running somewhere. */
  isDrill: boolean;
  startedAt: number;
  /** Still being made ready: the media worker, speech, …; gone when ready. */
  preparing: { what: Name; done?: number; total?: number; detail?: string }[];
  bellSilencedUntil?: number;
  /** A recorded flood that plays again as an exercise, so many times faster than it was. */
  floodReplay?: { speed: number; startedBy: string };
  isDemo: boolean;
  simulators: boolean;
}

/** Every live noun and its type. */
export interface LiveNouns {
  system: SystemView;
  alarms: AlarmView;
  shelves: ShelfView;
  incidents: IncidentView;
  plans: PlanView;
  runs: RunView;
  conferences: ConferenceView;
  calls: CallView;
  supervisions: SupervisionView;
  phones: PhoneView;
  bookings: BookingView;
  presence: PresenceView;
  zones: ZoneView;
  channels: ChannelView;
  gauges: GaugeView;
  devices: DeviceView;
  feeds: FeedView;
  cameras: CameraView;
  threads: ThreadView;
  orders: OrderView;
  gateways: GatewayView;
  /** The newest one only. */
  checks: CheckView;
  links: LinkView;
  trunks: TrunkView;
}
export type LiveNoun = keyof LiveNouns;

/** The order in which a snapshot is sent and read. */
export const LIVE_NOUNS = [
  'system',
  'links',
  'trunks',
  'plans',
  'alarms',
  'shelves',
  'incidents',
  'runs',
  'conferences',
  'calls',
  'supervisions',
  'phones',
  'bookings',
  'presence',
  'zones',
  'channels',
  'gauges',
  'devices',
  'feeds',
  'cameras',
  'threads',
  'orders',
  'gateways',
  'checks',
] as const satisfies readonly LiveNoun[];

/** One change of live state: the item whole, or the id of one that is gone. */
export type LiveChange = {
  [Noun in LiveNoun]: { noun: Noun; item: LiveNouns[Noun] } | { noun: Noun; removed: string };
}[LiveNoun];

/** One entry of the timeline as the doors give it out. */
export interface TimelineEntry {
  seq: number;
  id: string;
  at: number;
  kind: string;
  actor?: string;
  incident?: string;
  run?: string;
  call?: string;
  alarm?: string;
  person?: string;
  organisation?: string;
  isDrill: boolean;
  data: Record<string, unknown>;
  blobs: { sha256: string; kind: 'audio' | 'video' | 'picture' | 'document'; ms?: number; url: string }[];
  hash: string;
  previous: string;
}
