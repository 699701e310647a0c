import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { LIMITS } from '#kernel/limits.ts';
import type { Directory } from '#directory/directory.ts';
import type { OutOfService } from './trunks/out-of-service.ts';

/** What a trunk's line is used for. */
export interface LineUse {
  direction: 'in' | 'out';
  /** Who is at the far end. */
  number: string;
  /** Which line, where the trunk names its lines. */
  line?: string;
}

/** A line that is taken. */
export interface TakenLine {
  /** Its id, where the trunk names its lines. */
  line?: string;
  /** Once; later calls do nothing. */
  giveBack(): void;
}

/** A named line that the gateway will not let us use gets a rest before it is tried again. */
const FAULTY_FOR_MS = 60_000;

/** Lines in use, of each trunk and in all. A line is taken before dialling and given back when its leg ends. */
export class Lines extends Emitter<{ changed: [trunk: string] }> {
  readonly #inUse = new Map<string, Set<LineUse & { sinceMs: number }>>();
  readonly #faulty = new Map<string, number>();
  readonly #directory: Pick<Directory, 'site'>;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #outOfService: Pick<OutOfService, 'of'>;
  #legs = 0;

  constructor(
    directory: Pick<Directory, 'site'>,
    clock: Pick<Clock, 'now' | 'monotonic'>,
    outOfService: Pick<OutOfService, 'of'>,
  ) {
    super();
    this.#outOfService = outOfService;
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * Takes a line; `undefined` when none is free: of the trunk, of all trunks together (the site's `capacity.lines`), or of the
   * house. A trunk that names its lines gives the one that is asked for, else the first that is free and in service.
   */
  take(trunk?: string, use: LineUse = { direction: 'out', number: '' }): TakenLine | undefined {
    if (this.#legs >= LIMITS.callsAtOnce * 2) return undefined;
    if (trunk === undefined) return this.#taken(() => {});
    if (this.free(trunk) <= 0) return undefined;
    const line = use.line ?? this.#freeLine(trunk);
    if (line === undefined && use.direction === 'out' && this.#hasNames(trunk)) return undefined;
    const uses = this.#inUse.get(trunk) ?? new Set();
    this.#inUse.set(trunk, uses);
    const entry = { ...use, ...(line === undefined ? {} : { line }), sinceMs: this.#clock.now() };
    uses.add(entry);
    this.emit('changed', trunk);
    return {
      ...(line === undefined ? {} : { line }),
      ...this.#taken(() => {
        uses.delete(entry);
        this.emit('changed', trunk);
      }),
    };
  }

  inUse(trunk: string): number {
    return this.#inUse.get(trunk)?.size ?? 0;
  }

  /** What each line in use is used for, the oldest first. */
  uses(trunk: string): readonly Readonly<LineUse & { sinceMs: number }>[] {
    return [...(this.#inUse.get(trunk) ?? [])];
  }

  free(trunk: string): number {
    const { trunks, capacity } = this.#directory.site;
    const lines = trunks.find((each) => each.id === trunk)?.lines ?? 0;
    const all = [...this.#inUse.values()].reduce((sum, { size }) => sum + size, 0);
    return Math.min(lines - this.inUse(trunk), (capacity?.lines ?? Infinity) - all);
  }

  /** The gateway would not let us have this line: it is chosen last for a minute. */
  isOutOfOrder(trunk: string, line: string): void {
    this.#faulty.set(`${trunk} ${line}`, this.#clock.monotonic());
    this.emit('changed', trunk);
  }

  isFaulty(trunk: string, line: string): boolean {
    const since = this.#faulty.get(`${trunk} ${line}`);
    return since !== undefined && this.#clock.monotonic() - since < FAULTY_FOR_MS;
  }

  #freeLine(trunk: string): string | undefined {
    const names = this.#directory.site.trunks.find((each) => each.id === trunk)?.lineNames ?? [];
    const taken = new Set(this.uses(trunk).map(({ line }) => line));
    const free = names.map(({ id }) => id).filter((id) => !taken.has(id) && !this.#outOfService.of(trunk, id));
    return free.find((id) => !this.isFaulty(trunk, id)) ?? free[0];
  }

  /** Whether its calls go by lines with names, so that one without a line is none. */
  #hasNames(trunk: string): boolean {
    const found = this.#directory.site.trunks.find((each) => each.id === trunk);
    return found !== undefined && found.lineNames.length >= found.lines;
  }

  #taken(release: () => void): { giveBack(): void } {
    this.#legs += 1;
    let isTaken = true;
    return {
      giveBack: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#legs -= 1;
        release();
      },
    };
  }
}
