/** A timer that has been set and may be cancelled. Cancelling twice, or after it rang, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time, handed in: tests wind it by hand, the product lets it run. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z (wall clock; it may be stepped by NTP). */
  now(): number;
  /** Milliseconds on a clock that never jumps, with fractions; only differences mean anything. */
  monotonic(): number;
  /** Runs once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
  /** Runs every `intervalMs` until cancelled; the next run is counted from the last, so it does not pile up. */
  every(intervalMs: number, run: () => void): Timer;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, run) {
    const handle = setInterval(run, intervalMs);
    return { cancel: () => clearInterval(handle) };
  },
};

/** Waits; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      timer.cancel();
      reject(signal!.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

interface WaitingTimer {
  atMs: number;
  order: number;
  everyMs?: number;
  run: () => void;
}

/** A clock wound by hand. Timers ring in the order of their time, then of their setting. */
export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #timers: WaitingTimer[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now() {
    return this.#nowMs;
  }

  monotonic() {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#set({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run });
  }

  every(intervalMs: number, run: () => void): Timer {
    return this.#set({ atMs: this.#nowMs + intervalMs, order: this.#order++, everyMs: intervalMs, run });
  }

  /** How many timers are still set; a test that ends with any has left something open. */
  get pending() {
    return this.#timers.length;
  }

  /** Winds the clock on, ringing every timer on the way at its own time. */
  advance(byMs: number) {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (!next || next.atMs > untilMs) break;
      this.#nowMs = next.atMs;
      if (next.everyMs === undefined) this.#timers.splice(this.#timers.indexOf(next), 1);
      else next.atMs += next.everyMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  #set(entry: WaitingTimer): Timer {
    this.#timers.push(entry);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(entry);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }
}
