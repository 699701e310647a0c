import { DispatchError } from '#kernel/errors.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { RecordingDecision } from './recording-rules.ts';
import type { Recording, RecordingOf, Recordings } from './recording.ts';

/** As the desks see it; both are false when nothing is recorded. */
export interface RecordingState {
  isRecording: boolean;
  isRecordingPaused: boolean;
}

/** Who asks: a user at his desk may do everything, a phone no more than the site's rules leave open. */
export type RecordingAsker = { user: string } | { phone: string };

/**
 * What is recorded of one talk: by a rule from its beginning, and by key or from a desk as somebody asks. Each stretch from start
 * to stop is a file of its own.
 */
export class TalkRecording {
  readonly #recordings: Recordings;
  readonly #bridge: MediaBridge;
  readonly #of: RecordingOf;
  readonly #decision: RecordingDecision;
  readonly #onChanged: (state: RecordingState) => void;
  #current: Recording | undefined;
  #isPaused = false;
  /** It began because somebody asked. */
  #isAskedFor = false;
  /** Acts happen one after another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    recordings: Recordings;
    bridge: MediaBridge;
    of: RecordingOf;
    /** Where no rule fits it is recorded only when somebody asks. */
    onDemandOnly?: boolean;
    onChanged?: (state: RecordingState) => void;
  }) {
    this.#recordings = parts.recordings;
    this.#bridge = parts.bridge;
    this.#of = parts.of;
    this.#onChanged = parts.onChanged ?? (() => {});
    const decision = parts.recordings.decide(parts.of);
    this.#decision =
      parts.onDemandOnly && !decision.rule && decision.mode !== 'never' ? { ...decision, mode: 'on-demand' } : decision;
  }

  get state(): RecordingState {
    const isRecording = this.#current !== undefined;
    return { isRecording, isRecordingPaused: isRecording && this.#isPaused };
  }

  /** The file that is being written, once it is open. */
  get current(): Promise<Recording | undefined> {
    return this.#last.then(() => this.#current);
  }

  /** Begins as the rules say; `earlier`: as it was before the talk came here. */
  begin(earlier?: Partial<RecordingState>): void {
    const { mode } = this.#decision;
    if (mode === 'never') return;
    const isWanted = mode === 'always' || mode === 'voice';
    if (!isWanted && !earlier?.isRecording) return;
    this.#isAskedFor = !isWanted;
    void this.#inTurn(() => this.#open(undefined, earlier?.isRecordingPaused ?? false));
  }

  /** @throws DispatchError RECORDING_FORBIDDEN by a rule, RECORDING_FAILED */
  start(asker: RecordingAsker): Promise<void> {
    if (this.#decision.mode === 'never') throw new DispatchError('RECORDING_FORBIDDEN', this.#decision.rule);
    return this.#inTurn(async () => {
      if (this.#current) return;
      this.#isAskedFor = true;
      await this.#open(nameOf(asker), false);
      if (!this.#current) throw new DispatchError('RECORDING_FAILED', this.#of.title);
    });
  }

  /** @throws DispatchError RECORDING_FORBIDDEN for a phone where a rule wants it recorded */
  stop(asker: RecordingAsker): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#current) return;
      this.#mayEnd(asker);
      const recording = this.#current;
      this.#current = undefined;
      this.#changed();
      await recording.stop(nameOf(asker));
    });
  }

  /** @throws DispatchError RECORDING_FORBIDDEN for a phone where a rule wants it recorded */
  pause(asker: RecordingAsker): Promise<void> {
    return this.#hold(asker, true);
  }

  resume(asker: RecordingAsker): Promise<void> {
    return this.#hold(asker, false);
  }

  /** The talk is over, or goes on elsewhere. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      const recording = this.#current;
      this.#current = undefined;
      await recording?.stop();
    });
  }

  #hold(asker: RecordingAsker, isPaused: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#current || this.#isPaused === isPaused) return;
      this.#mayEnd(asker);
      if (isPaused) await this.#current.pause(nameOf(asker));
      else await this.#current.resume(nameOf(asker));
      this.#isPaused = isPaused;
      this.#changed();
    });
  }

  #mayEnd(asker: RecordingAsker): void {
    if ('phone' in asker && !this.#isAskedFor) throw new DispatchError('RECORDING_FORBIDDEN', this.#decision.rule);
  }

  async #open(by: string | undefined, isPaused: boolean): Promise<void> {
    const { mode, rule, sides } = this.#decision;
    const recording = await this.#recordings.start(this.#bridge, this.#of, {
      ...(rule && by === undefined ? { rule } : {}),
      ...(by === undefined ? {} : { by }),
      ...{ byVoice: mode === 'voice', apart: sides === 'apart', isPaused },
    });
    if (!recording) return;
    this.#current = recording;
    this.#isPaused = isPaused;
    void recording.failed.then(() => {
      if (this.#current !== recording) return;
      this.#current = undefined;
      this.#changed();
      void recording.stop().catch(() => {});
    });
    this.#changed();
  }

  #changed(): void {
    this.#onChanged(this.state);
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }
}

const nameOf = (asker: RecordingAsker): string => ('user' in asker ? asker.user : asker.phone);
