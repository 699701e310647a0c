import { endpointOfKey } from './io.ts';
import type { IntrusionKind, Report } from './protocol.ts';

/** After one report of intruders so long none; what came meanwhile is in the next. */
const TELL_EVERY_MS = 60_000;

/** Packets that somebody else has sent to a leg: counted each, told at once when they begin and then once a minute. */
export class Intruders {
  readonly #about: string;
  readonly #report: (report: Report) => void;
  count = 0;
  #told = 0;
  #toldAtMs = -Infinity;
  #last: { kind: IntrusionKind; fromKey: number } | undefined;

  constructor(about: string, report: (report: Report) => void) {
    this.#about = about;
    this.#report = report;
  }

  note(kind: IntrusionKind, fromKey: number): void {
    this.count += 1;
    this.#last ??= { kind, fromKey };
    this.#last.kind = kind;
    this.#last.fromKey = fromKey;
  }

  /** Ten times a second. */
  tend(nowMs: number): void {
    if (this.count === this.#told || nowMs - this.#toldAtMs < TELL_EVERY_MS) return;
    const { kind, fromKey } = this.#last!;
    const { host, port } = endpointOfKey(fromKey);
    this.#report({
      about: this.#about,
      what: 'intruded',
      kind,
      packets: this.count - this.#told,
      from: { host, port },
    });
    this.#told = this.count;
    this.#toldAtMs = nowMs;
  }
}
