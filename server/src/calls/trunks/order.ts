import type { Chance } from '#kernel/chance.ts';
import type { TrunkWay } from '../routing/routing.ts';

/**
 * The order in which a call tries its trunks: by priority; those of one priority drawn by weight, as with SRV records
 * (RFC 2782). Trunks that are known to be down come last, since even a dead trunk is a better try than none.
 */
export function orderOf(
  ways: readonly TrunkWay[],
  isDown: (trunk: string) => boolean,
  chance: Pick<Chance, 'fraction'>,
): TrunkWay[] {
  const ordered: TrunkWay[] = [];
  for (const down of [false, true]) {
    const left = ways.filter(({ trunk }) => isDown(trunk) === down).toSorted((a, b) => a.priority - b.priority);
    while (left.length > 0) {
      const equals = left.filter(({ priority }) => priority === left[0]!.priority);
      let drawn = chance.fraction() * equals.reduce((sum, { weight }) => sum + weight, 0);
      const chosen = equals.find(({ weight }) => (drawn -= weight) < 0) ?? equals.at(-1)!;
      ordered.push(...left.splice(left.indexOf(chosen), 1));
    }
  }
  return ordered;
}
