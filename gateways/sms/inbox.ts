import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { decodeText } from './alphabet.ts';
import { readUserDataHeader } from './segments.ts';
import type { IncomingPart } from './session.ts';

const LIMITS = {
  /** Long texts of which parts are missing; the oldest is given out as far as it came when there are more. */
  incomplete: 200,
  /** A long text of which parts are still missing after this time is given out without them. */
  waitForPartsMs: 120_000,
} as const;

export interface ReceivedText {
  from: string;
  to: string;
  text: string;
}

interface Puzzle {
  from: string;
  to: string;
  dataCoding: number;
  bodies: (Buffer | undefined)[];
  sinceMs: number;
}

/** Puts the parts of long texts together again. */
export class Inbox {
  readonly #clock: Clock;
  readonly #puzzles = new Map<string, Puzzle>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one short message from a phone; gives the texts that are complete (or given up) now. */
  take({ from: source, to: destination, octets, dataCoding, hasHeader }: IncomingPart): ReceivedText[] {
    const from = clean(source);
    const to = clean(destination);
    const { body, joined } = hasHeader ? readUserDataHeader(octets) : { body: octets, joined: undefined };
    if (!joined || joined.total < 2 || joined.index < 1 || joined.index > joined.total)
      return [...this.#overdue(), { from, to, text: decodeText(body, dataCoding) }];

    const key = `${from}/${to}/${joined.reference}/${joined.total}`;
    const puzzle = this.#puzzles.get(key) ?? {
      from,
      to,
      dataCoding,
      bodies: Array.from<Buffer | undefined>({ length: joined.total }),
      sinceMs: this.#clock.monotonic(),
    };
    puzzle.bodies[joined.index - 1] = body;
    this.#puzzles.set(key, puzzle);
    if (puzzle.bodies.includes(undefined)) return this.#overdue();
    this.#puzzles.delete(key);
    return [...this.#overdue(), solved(puzzle)];
  }

  #overdue(): ReceivedText[] {
    const now = this.#clock.monotonic();
    const given: ReceivedText[] = [];
    for (const [key, puzzle] of this.#puzzles) {
      if (this.#puzzles.size <= LIMITS.incomplete && now - puzzle.sinceMs < LIMITS.waitForPartsMs) break;
      this.#puzzles.delete(key);
      given.push(solved(puzzle));
    }
    return given;
  }
}

function solved({ from, to, dataCoding, bodies }: Puzzle): ReceivedText {
  return { from, to, text: bodies.map((body) => (body ? decodeText(body, dataCoding) : '[…]')).join('') };
}

function clean(address: string): string {
  return address.replace(/[^\x20-\x7e]/g, '').slice(0, 24);
}
