import type { Name } from '@tocsin/protocol/common.ts';
import type { CallClass, NumberClass } from '@tocsin/protocol/routing.ts';
import type { Clock } from '#kernel/clock.ts';

/** Whether an outside call may be made now. */
export type Allowance =
  /** Call `end` once, when the call is over. */
  | { kind: 'allowed'; end(): void }
  | { kind: 'refused'; because: 'too-many-at-once' | 'too-many-this-hour'; words: Name };

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

interface Usage {
  now: number;
  /** Calls begun in each of the last sixty minutes, by minute modulo sixty. */
  begun: Uint32Array;
  lastMinute: number;
}

/**
 * Counts the outside calls of each account and each trunk's callers against their call class, so that a stolen password calls
 * little. Emergency calls are never refused, and count.
 */
export class CallAllowance {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #usage = new Map<string, Usage>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** `caller` is an account of ours or `trunk:` and a trunk's id: there are no more of them than the site has. */
  take(caller: string, { name, callsAtOnce, callsPerHour }: CallClass, numberClass: NumberClass): Allowance {
    const usage = this.#usageOf(caller);
    if (numberClass !== 'emergency') {
      const inHour = usage.begun.reduce((sum, each) => sum + each, 0);
      const { zh, en = zh } = name;
      if (callsAtOnce !== undefined && usage.now >= callsAtOnce)
        return {
          kind: 'refused',
          because: 'too-many-at-once',
          words: {
            zh: `“${zh}”同时最多 ${callsAtOnce} 路外线呼叫`,
            en: `“${en}” may have ${callsAtOnce} outside calls at the same time`,
          },
        };
      if (callsPerHour !== undefined && inHour >= callsPerHour)
        return {
          kind: 'refused',
          because: 'too-many-this-hour',
          words: {
            zh: `“${zh}”每小时最多 ${callsPerHour} 次外线呼叫`,
            en: `“${en}” may make ${callsPerHour} outside calls an hour`,
          },
        };
    }
    usage.now += 1;
    usage.begun[usage.lastMinute % HOUR_MINUTES]! += 1;
    let isOver = false;
    return {
      kind: 'allowed',
      end() {
        if (!isOver) usage.now -= 1;
        isOver = true;
      },
    };
  }

  #usageOf(caller: string): Usage {
    const minute = Math.floor(this.#clock.monotonic() / MINUTE_MS);
    let usage = this.#usage.get(caller);
    if (!usage) {
      usage = { now: 0, begun: new Uint32Array(HOUR_MINUTES), lastMinute: minute };
      this.#usage.set(caller, usage);
    }
    for (let passed = Math.max(usage.lastMinute + 1, minute - HOUR_MINUTES + 1); passed <= minute; passed += 1)
      usage.begun[passed % HOUR_MINUTES] = 0;
    usage.lastMinute = minute;
    return usage;
  }
}
