import type { CallView, ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { WriteBehind, storableJson } from '#store/write-behind.ts';
import type { ConferenceFacts } from './conference-inside.ts';
import type { KeptLeg } from './kept-leg.ts';
import type { SipLeg } from './sip-leg.ts';

/** A call whose two talk, or whose one hears himself. */
export interface KeptCall {
  view: CallView;
  /** Ids of legs: the caller's first. */
  legs: string[];
}

/** A conference, and which leg each of those who were in had. */
export interface KeptConference {
  id: string;
  facts: ConferenceFacts;
  openedAt: ConferenceView['openedAt'];
  isLocked: boolean;
  isMutedAll: boolean;
  isRecording?: boolean;
  isRecordingPaused?: boolean;
  participants: { view: ParticipantView; leg: string }[];
  /** Radio channels that were patched in. */
  channels: string[];
  /** Ids of the conferences that it was joined with. */
  joinedWith?: string[];
}

/** What one process leaves to the next. */
export interface Kept {
  legs: KeptLeg[];
  calls: KeptCall[];
  conferences: KeptConference[];
}

interface Bodies {
  leg: KeptLeg;
  call: KeptCall;
  conference: KeptConference;
}

/** Time between two writes: ringing and answered soon after one another are one, and a short call is none. */
const WRITTEN_EVERY_MS = 50;

/** `body` undefined: it is over. */
type Change = { kind: keyof Bodies; id: string; body?: string };

/**
 * Keeps in the database what the next process needs to go on with the calls that are talking when this one is killed.
 * Nobody waits for it: what was agreed in the last milliseconds may be missing, and is then hung up by the phone itself.
 */
export class KeptCalls implements AsyncDisposable {
  readonly #store: Store;
  readonly #changes: WriteBehind<Change>;
  /** What was written last, so that a change that is none to the next process costs nothing. */
  readonly #last = new Map<string, string>();
  /** What the last process has left and nobody here has touched yet. */
  readonly #left = new Map<string, keyof Bodies>();

  constructor({ store, clock, log }: { store: Store; clock: Clock; log: Log }) {
    this.#store = store;
    const write = (changes: Change[]) => this.#write(changes);
    this.#changes = new WriteBehind({ what: 'running calls', write, clock, log, everyMs: WRITTEN_EVERY_MS });
  }

  /**
   * What the last process has left. It stays kept until it is put anew, removed or dropped by `dropRest`, so that a process
   * which is killed while it takes calls up leaves them to the next.
   */
  async left(): Promise<Kept> {
    const rows = await this.#store.query<{ id: string; kind: keyof Bodies; body: unknown }>(
      'select id, kind, body from kept_calls',
    );
    for (const { id, kind } of rows) this.#left.set(id, kind);
    const of = <Kind extends keyof Bodies>(wanted: Kind) =>
      rows.filter(({ kind }) => kind === wanted).map(({ body }) => body as Bodies[Kind]);
    return { legs: of('leg'), calls: of('call'), conferences: of('conference') };
  }

  /** Forgets of what the last process has left whatever nobody has gone on with. */
  dropRest(): void {
    for (const [id, kind] of this.#left) this.remove(kind, id);
  }

  put<Kind extends keyof Bodies>(kind: Kind, id: string, body: Bodies[Kind]): void {
    const json = storableJson(body);
    if (this.#last.get(id) === json) return;
    this.#last.set(id, json);
    this.#left.delete(id);
    void this.#changes.put(id, { kind, id, body: json });
  }

  remove(kind: keyof Bodies, id: string): void {
    const isKept = this.#last.delete(id);
    const isLeft = this.#left.delete(id);
    if (!isKept && !isLeft) return;
    void this.#changes.put(id, { kind, id });
  }

  /** Keeps a leg from its ringing to its end. A leg that ends here is no business of the next process. */
  follow(leg: SipLeg): void {
    const keep = () => {
      const kept = leg.kept();
      if (kept) this.put('leg', leg.id, kept);
    };
    leg.on('ringing', keep);
    leg.on('answered', keep);
    leg.on('renegotiated', keep);
    leg.once('ended', () => this.remove('leg', leg.id));
    keep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changes[Symbol.asyncDispose]();
  }

  async #write(changes: Change[]): Promise<void> {
    const gone = changes.filter(({ body }) => body === undefined);
    const kept = changes.filter(({ body }) => body !== undefined);
    await this.#store.query(WRITE, [
      gone.map(({ id }) => id),
      kept.map(({ id }) => id),
      kept.map(({ kind }) => kind),
      kept.map(({ body }) => body),
    ]);
  }
}

/** One statement is one transaction. No id is in both halves. */
const WRITE = {
  name: 'kept-calls-write',
  text: `
  with gone as (delete from kept_calls using unnest($1::text[]) as g(id) where kept_calls.id = g.id)
  insert into kept_calls (id, kind, body)
  select * from unnest($2::text[], $3::text[], $4::jsonb[])
  on conflict (id) do update set body = excluded.body`,
};
