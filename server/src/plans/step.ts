/**
 * What a step of a plan is, and what it is given to work with.
 *
 * The `Step…` interfaces are the ports: the plans own them, `calls`, `video`, `messages`, `incidents` and `alarms` have
 * the shapes they ask for, and `main` joins the two. A step never sees more of the house than stands here.
 */
import type { Bearer, Level, Name } from '@tocsin/protocol/common.ts';
import type { AlarmDevice, Channel, Gauge, Group, Person, Site, Zone } from '@tocsin/protocol/directory.ts';
import type { AlarmView, GaugeView, LedgerChannel, LedgerState } from '@tocsin/protocol/views.ts';
import type {
  AnnouncementPart,
  CallPartyOutcome,
  PartyChange,
  PatchOutcome,
  Words,
  ZoneChange,
  ZoneOutcome,
} from '@tocsin/protocol/reaching.ts';
import type { z } from 'zod';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';

// --- a kind of step ---

/** One kind of step: one file in `steps/`, in the list `STEP_KINDS` of `steps/all.ts`. Made by `defineStep`. */
export interface Step<Settings = Record<string, unknown>> {
  readonly kind: string;
  /** The settings as a planner writes them, beside the fields that every step has. */
  readonly settings: z.ZodObject;
  /** A valid example, as it stands in docs and tests. */
  readonly sample: Record<string, unknown>;
  /** Which settings name something of the site or another step; checked when the plan is loaded. */
  readonly refers?: Readonly<Record<string, Reference>>;
  /** What the schema alone cannot say. */
  validate?(settings: Settings): { field: string; zh: string; en: string } | undefined;
  /** Whom and what it will reach: for the check at loading, the pre-flight, and the ledger's first rows. Pure. */
  needs(settings: Settings, scope: StepScope): StepNeeds;
  /** Does it. Rejects only with `context.signal.reason`, or when something impossible happened. */
  run(settings: Settings, context: StepContext): Promise<StepOutcome>;
  /** After a restart in mid-run: brings back what a finished step had left standing and the restart took away. */
  restore?(settings: Settings, context: StepContext): Promise<void>;
}

export type Reference = 'people' | 'zone' | 'channel' | 'gauge' | 'conference-step';

/** Ties a step's functions to the type of its settings. */
export function defineStep<Schema extends z.ZodObject>(
  step: Omit<Step<z.output<Schema>>, 'settings'> & { settings: Schema },
): Step {
  return step as unknown as Step;
}

/** How a step ended by itself. `because` is a named reason or a sentence for the desk. */
export type StepOutcome =
  | { kind: 'done'; summary?: Name; /** ask-dispatcher: what was chosen. */ choice?: string }
  | { kind: 'failed'; because: string; summary?: Name };

/** Why `context.signal` was aborted. */
export type StepInterruption = 'run-stopped' | 'step-skipped' | 'timed-out' | 'server-stopping';

/** Reason of an aborted step's signal. */
export class StepInterrupted extends Error {
  override readonly name = 'StepInterrupted';
  readonly because: StepInterruption;
  constructor(because: StepInterruption) {
    super(because);
    this.because = because;
  }
}

export type ParameterValue = string | number | boolean;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** What names in a plan may be looked up in, before and during a run. */
export interface StepScope {
  readonly directory: StepDirectory;
  readonly parameters: Parameters;
  /** The alarm that started or proposed the run; absent in the pre-flight of a plan that is pressed by hand. */
  readonly alarm?: AlarmView;
}

/** Everything a step will need on the outside; ids are those of the directory. */
export interface StepNeeds {
  /** People who will be called, in order, each once. */
  voice?: string[];
  /** Telephone lines held at the same time. */
  lines?: number;
  texts?: string[];
  video?: string[];
  zones?: string[];
  channels?: string[];
  gauges?: string[];
  /** Words to be spoken: made ready when the plan is loaded, so that pressing it waits for no speech. */
  speech?: Words[];
  files?: string[];
  /** Seconds until everyone has been reached or given up, at worst and on the first try. */
  seconds?: number;
  /** Deputies will be tried for those who are away or do not confirm. */
  hasDeputies?: boolean;
}

// --- what a running step is given ---

export interface StepContext extends StepScope {
  readonly run: RunFacts;
  readonly step: { readonly id: string; readonly name: Name };
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Aborted with a StepInterrupted when the run is stopped, the step skipped, or its time is up. */
  readonly signal: AbortSignal;
  /** Absent at the first start; after a restart, when that was. What has come of it is in the ledger. */
  readonly resumed?: { readonly startedAt: number };
  readonly conferences: StepConferences;
  readonly announcements: StepAnnouncements;
  readonly channels: StepChannels;
  readonly calls: StepCalls;
  readonly texts: StepTexts;
  readonly feeds: StepFeeds;
  readonly incidents: StepIncidents;
  readonly gauges: StepGauges;
  readonly ledger: StepLedger;

  /** On the timeline, as `run.<what>`. What a step intends is in the ledger before it begins. */
  note(what: string, data?: Record<string, unknown>): void;
  /** The line under the step's name, and 0-1 where it is known. */
  show(summary: Name, progress?: number): void;
  /** A measured moment of this run, by the server's clock; the first of each kind counts, of `all-dialled` the last. */
  figure(what: 'first-invite' | 'first-announcement' | 'all-dialled', at: number): void;
  /** Asks whoever watches the run; resolves with the choice's id. */
  ask(question: { text: Name; choices: { id: string; name: Name }[]; answerBy?: number }): Promise<string>;
  /** What a dispatcher may ask of this step's people while and after it runs; the last one handed in counts. */
  offer(handler: StepHandler): void;
  /** The conference that another step of this run has opened, once it is open; rejects when that step ended without. */
  conferenceOf(stepId: string): Promise<StepConference>;
  /** Tells the run that this step has opened its conference. */
  openedConference(conference: StepConference): void;
  /** Tells the run that an incident has been opened for it. */
  openedIncident(incident: string): void;
}

/** Each resolves when the request is under way; rejects with a DispatchError when it cannot be. */
export interface StepHandler {
  redial?(person: string): Promise<void>;
  callDeputy?(person: string): Promise<void>;
}

export interface RunFacts {
  readonly id: string;
  readonly plan: string;
  readonly planName: Name;
  readonly isDrill: boolean;
  /** User's id, or `system`. */
  readonly startedBy: string;
  readonly startedAt: number;
  readonly level?: Level;
  readonly incident?: string;
}

/** The ledger as one step writes it: one row for each person (or zone, or channel) and way of reaching. */
export interface StepLedger {
  report(change: {
    person: string;
    channel: LedgerChannel;
    state: LedgerState;
    at?: number;
    attempts?: number;
    detail?: string;
    standsInFor?: string;
  }): void;
  /** Rows that this step has written so far, also before a restart. */
  rows(): readonly { person: string; channel: LedgerChannel; state: LedgerState; standsInFor?: string }[];
}

// --- ports ---

/** The directory as plans see it. */
export interface StepDirectory {
  readonly site: Site;
  person(id: string): Person | undefined;
  group(id: string): Group | undefined;
  zone(id: string): Zone | undefined;
  channel(id: string): Channel | undefined;
  gauge(id: string): Gauge | undefined;
  device(id: string): AlarmDevice | undefined;
}

export interface StepConferences {
  /** Opens a conference; resolves as soon as people can be added, without waiting for the disk. */
  open(options: {
    name: Name;
    run: string;
    /** The step that opens it: the same step finds its conference again after a restart. */
    step: string;
    incident?: string;
    isDrill: boolean;
    /** User whose seat is called in first and who chairs. */
    chair?: string;
    isRecorded: boolean;
    /** A fixed room's number; absent: any free one. */
    number?: string;
  }): Promise<StepConference>;
}

export interface StepConference {
  readonly id: string;
  readonly number: string;
  /**
   * Calls someone in; returns at once, the INVITE leaves in the same turn where it can. Tries the person's numbers in
   * order, `retries` times more after `retryAfterMs`, then (withDeputies) the deputies in order; somebody who is
   * absent by the directory is replaced by the first present deputy at once. Every change is told to `onState`, the
   * deputies' too, until the conference has ended, also when this step has long been done.
   */
  add(party: {
    person: string;
    confirm: 'press-1' | 'none';
    /** Spoken to who answers, before he confirms. */
    announcement?: Words;
    ringForMs: number;
    retries: number;
    retryAfterMs: number;
    withDeputies: boolean;
    /** He is himself a deputy, called again after a restart. */
    standsInFor?: string;
    /** Which bearers to try first, best first. */
    prefer?: Bearer[];
    onState(change: PartyChange): void;
  }): void;
  /** Calls again somebody who was added and is not in; his `onState` goes on. */
  redial(person: string): Promise<void>;
  /** Calls the next deputy of somebody who is not in, without waiting for him to be given up. */
  callDeputy(person: string): Promise<void>;
  /** Joins a radio channel to the conference. */
  patch(channel: string): Promise<PatchOutcome>;
  unpatch(channel: string): Promise<void>;
  /** Hangs up on everyone, with this named reason; ending twice does nothing. */
  end(reason: 'plan-ended' | 'plan-step-skipped' | 'dispatcher-ended' | 'server-stopping'): Promise<void>;
  /** Resolves with the named reason when it has ended, by whomever. */
  readonly ended: Promise<string>;
}

export interface StepAnnouncements {
  /** What is known of a zone's loudspeakers now: for the pre-flight. */
  zoneState(zone: string): 'ready' | 'part-silent' | 'down' | 'unknown';
  /** Plays to every zone at once; zones that are in use by a lower priority are taken over. Returns at once. */
  play(options: {
    zones: string[];
    parts: AnnouncementPart[];
    /** How often all parts are played: 1-20. */
    times: number;
    gapMs: number;
    run: string;
    incident?: string;
    isDrill: boolean;
    /** What the desk shows as being played. */
    title: Name;
    /** Aborted: stops with the named reason `plan-ended`. */
    signal: AbortSignal;
    onZone(change: ZoneChange): void;
  }): { ended: Promise<ReadonlyMap<string, ZoneOutcome>> };
}

export interface StepChannels {
  /** Whether the channel's gateway has it ready now. */
  isReady(channel: string): boolean;
}

export interface StepCalls {
  /** Calls one person, speaks, and waits for the key. Tries the person's numbers in order, once. */
  callParty(options: {
    person: string;
    /** Spoken to who answers, repeated until the key or the time-out. */
    message: Words;
    confirm: 'press-1' | 'none';
    ringForMs: number;
    /** How long to wait for the key after the answer. */
    confirmForMs: number;
    run: string;
    incident?: string;
    alarm?: string;
    isDrill: boolean;
    signal: AbortSignal;
    onState(change: PartyChange): void;
  }): Promise<CallPartyOutcome>;
  /** Whether a person's numbers lead anywhere now: a registered phone, or a trunk that works. For the pre-flight. */
  reachability(person: string): 'reachable' | 'unregistered' | 'no-route' | 'unknown';
  /** Lines that can be taken now, trunks and phones together; undefined when nobody counts them. */
  freeLines(): number | undefined;
}

export interface StepTexts {
  /** Queues a text; resolves when it is durable. The same id again sends nothing and reports the text's state. */
  send(text: NewText): Promise<TextState>;
  /** Many at once, in one transaction. */
  sendAll(texts: NewText[]): Promise<TextState[]>;
  /** Calls `listener` at every change of any text, until the returned function is called. */
  watch(listener: (text: TextState) => void): () => void;
  /** Whether a gateway takes texts now; while none does they wait. */
  isOnline(): boolean;
}

export interface NewText {
  /** Deterministic, so that a crash neither loses nor repeats the text. */
  id: string;
  to: { person: string } | { number: string };
  text: string;
  run?: string;
  incident?: string;
  isDrill?: boolean;
}

export interface TextState {
  id: string;
  run?: string;
  person?: string;
  state: 'queued' | 'sent' | 'delivered' | 'receipt-lost' | 'failed';
  at: number;
  detail?: string;
}

export interface StepFeeds {
  /** Makes a link for a person to send video by, or gives the one made under this id before; durable when resolved. */
  ask(options: {
    id: string;
    person: string;
    run?: string;
    incident?: string;
    isDrill: boolean;
    /** Who asks, as the field phone shows it. */
    asker: string;
    onState(change: { state: 'invited' | 'opened' | 'live' | 'lost' | 'ended'; at: number; detail?: string }): void;
  }): Promise<{ feed: string; link: string }>;
}

export interface StepIncidents {
  open(options: {
    /** Opening the same id again gives the same incident. */
    id?: string;
    title: Name;
    level: Level;
    isDrill: boolean;
    owner?: string;
    openedBy: string;
    run?: string;
    alarm?: string;
  }): Promise<{ id: string; number: string }>;
}

export interface StepGauges {
  gauge(id: string): GaugeView | undefined;
  /** Calls `listener` at every reading of every gauge, until the returned function is called. */
  watchGauges(listener: (gauge: GaugeView) => void): () => void;
}

/** Words made into sound ahead of time. */
export interface StepSpeech {
  speak(words: Words): Promise<{ file: string; durationMs: number }>;
}

/** What `main` hands to the plans: the ports, in one object. */
export interface PlanPorts {
  directory: StepDirectory;
  conferences: StepConferences;
  announcements: StepAnnouncements;
  channels: StepChannels;
  calls: StepCalls;
  texts: StepTexts;
  feeds: StepFeeds;
  incidents: StepIncidents;
  gauges: StepGauges;
  speech: StepSpeech;
}
