/**
 * Rows never move while the pointer is over the list. Keeps every id in the place it had as long as it exists anywhere;
 * what is new comes at the end of its group.
 */
export function keepPlaces(before: readonly (readonly string[])[], now: readonly (readonly string[])[]): string[][] {
  const present = new Set(now.flat());
  const placed = new Set<string>();
  const kept = now.map((_, group) =>
    (before[group] ?? []).filter((id) => present.has(id) && !placed.has(id) && Boolean(placed.add(id))),
  );
  now.forEach((ids, group) => {
    for (const id of ids) if (!placed.has(id)) kept[group]?.push(id);
  });
  return kept;
}
