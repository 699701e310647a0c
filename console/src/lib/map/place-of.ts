import type { Place } from './geometry.ts';
import type { Chosen, MapFacts } from './marks.ts';

/** Where a mark is now; undefined when it has left the map. */
export function placeOf(chosen: Chosen, facts: MapFacts): Place | undefined {
  const at = (list: readonly { id: string; at: Place }[]) => list.find(({ id }) => id === chosen.id)?.at;
  switch (chosen.kind) {
    case 'unit':
      return facts.units.find(({ id }) => id === chosen.id);
    case 'gauge':
      return at(facts.gauges);
    case 'channel':
      return at(facts.channels);
    case 'device':
      return at(facts.devices);
    case 'alarm':
      return at(facts.alarms);
    case 'feed':
    case 'camera':
      return at(facts.feeds);
    case 'zone':
      return undefined;
  }
}
