import type { SystemView } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';

/** How long the bell stays silent after it was silenced. */
export const BELL_SILENT_FOR_MS = 60_000;

/** The state of the whole: peace or emergency, what is still being made ready, the bell. */
export class SystemState extends Emitter<{ changed: [] }> {
  readonly #view: SystemView;
  readonly #clock: Clock;

  constructor(clock: Clock, facts: { isDemo: boolean; simulators: boolean }) {
    super();
    this.#clock = clock;
    this.#view = { id: 'system', mode: 'peace', isDrill: false, startedAt: clock.now(), preparing: [], ...facts };
  }

  view(): SystemView {
    return { ...this.#view, preparing: [...this.#view.preparing] };
  }

  setMode(mode: SystemView['mode']): void {
    this.#view.mode = mode;
    this.emit('changed');
  }

  setDrill(isDrill: boolean): void {
    if (this.#view.isDrill === isDrill) return;
    this.#view.isDrill = isDrill;
    this.emit('changed');
  }

  setFloodReplay(replay: SystemView['floodReplay']): void {
    if (replay) this.#view.floodReplay = replay;
    else delete this.#view.floodReplay;
    this.emit('changed');
  }

  silenceBell(): void {
    this.#view.bellSilencedUntil = this.#clock.now() + BELL_SILENT_FOR_MS;
    this.emit('changed');
    this.#clock.after(BELL_SILENT_FOR_MS, () => this.ringBell());
  }

  /** A new alarm of the first level breaks the silence. */
  ringBell(): void {
    if (this.#view.bellSilencedUntil === undefined) return;
    delete this.#view.bellSilencedUntil;
    this.emit('changed');
  }

  /** Something that is still being made ready, or is ready now (`undefined`). */
  preparing(item: SystemView['preparing'][number] | undefined, key: string): void {
    this.#view.preparing = this.#view.preparing.filter((each) => each.what.zh !== key);
    if (item) this.#view.preparing.push(item);
    this.emit('changed');
  }
}
