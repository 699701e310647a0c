/** How long to wait before the next attempt, in milliseconds: soon at first, then slower, never more than `mostMs`. */
export function waitBeforeAttempt(attempt: number, { firstMs = 500, mostMs = 10_000 } = {}): number {
  return Math.min(mostMs, firstMs * 2 ** Math.max(0, attempt - 1));
}
