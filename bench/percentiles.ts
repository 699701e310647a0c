/** What benches say of many measured times: how many, the middle, the 95th of a hundred, the worst; rounded to 0.01. */
export function percentiles(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN);
  return { p50: at(0.5), p95: at(0.95), max: at(1), count: sorted.length };
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
