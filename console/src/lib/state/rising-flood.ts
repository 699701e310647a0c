import type { Gauge } from '@tocsin/protocol/directory.ts';

/** How long the made-up flood rises, and how often it is read; minutes of its own time. */
const RISES_FOR_MINUTES = 360;
const READ_EVERY_MINUTES = 10;
/** It begins so far below the lowest threshold and ends so far above the highest, of the way between them. */
const BEYOND = 0.25;

/**
 * A flood that lifts every gauge through all of its thresholds, one gauge later than the other, as a wave comes down a
 * valley. For exercises where nothing has been recorded yet.
 */
export function risingFlood(gauges: readonly Gauge[]): { gauge: string; minute: number; value: number }[] {
  return gauges.flatMap(({ id, thresholds }, place) => {
    const levels = thresholds.map(({ above }) => above).sort((a, b) => a - b);
    const [lowest] = levels;
    const highest = levels.at(-1);
    if (lowest === undefined || highest === undefined) return [];
    const margin = (highest - lowest || Math.abs(highest) || 1) * BEYOND;
    const begins = place * READ_EVERY_MINUTES;
    return Array.from({ length: RISES_FOR_MINUTES / READ_EVERY_MINUTES + 1 }, (_, step) => {
      const part = (step * READ_EVERY_MINUTES) / RISES_FOR_MINUTES;
      return {
        gauge: id,
        minute: begins + step * READ_EVERY_MINUTES,
        value: Number((lowest - margin + part * (highest - lowest + 2 * margin)).toFixed(3)),
      };
    });
  });
}
