import type { FeedView } from '@tocsin/protocol/views.ts';

/** The layouts of the wall and how many pictures each has; `spot` has one large and five small. */
export const LAYOUTS = { one: 1, four: 4, nine: 9, sixteen: 16, spot: 6 } as const;
export type Layout = keyof typeof LAYOUTS;

const RANK = { live: 0, lost: 1, opened: 2, invited: 3, ended: 4 } as const;

/** What can be on the wall: live pictures first, in the order in which they came. */
export const inOrder = (feeds: Iterable<FeedView>): FeedView[] =>
  [...feeds]
    .filter(({ state }) => state !== 'ended')
    .sort((a, b) => RANK[a.state] - RANK[b.state] || a.invitedAt - b.invitedAt);

/** Who is in which place of the wall, from the place where it was turned to; the spotlight's picture comes first. */
export function shownOn(
  feeds: readonly FeedView[],
  layout: Layout,
  { first, spot }: { first: number; spot?: string | undefined },
): FeedView[] {
  const slots = LAYOUTS[layout];
  const start = feeds.length > slots ? first % feeds.length : 0;
  const turned = [...feeds.slice(start), ...feeds.slice(0, start)].slice(0, slots);
  if (layout !== 'spot') return turned;
  const chosen = feeds.find(({ id }) => id === spot) ?? turned[0];
  return chosen ? [chosen, ...turned.filter(({ id }) => id !== chosen.id)].slice(0, slots) : [];
}
