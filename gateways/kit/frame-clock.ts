import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';

/** A tick that comes late by more than this many frames does not make up for all of them: the listener was not there. */
const CATCH_UP_FRAMES = 10;

/** Calls `tick` every 20 ms, on average exactly: a late timer is followed by early ones. */
export function everyFrame(clock: Clock, tick: () => void): Timer {
  let dueMs = clock.monotonic() + 20;
  let isCancelled = false;
  let timer: Timer;
  const wait = () => {
    timer = clock.after(Math.max(1, dueMs - clock.monotonic()), run);
  };
  const run = () => {
    const nowMs = clock.monotonic();
    if (nowMs - dueMs > CATCH_UP_FRAMES * 20) dueMs = nowMs;
    while (!isCancelled && dueMs <= nowMs) {
      dueMs += 20;
      tick();
    }
    if (!isCancelled) wait();
  };
  wait();
  return {
    cancel() {
      isCancelled = true;
      timer.cancel();
    },
  };
}
