import type { Chance } from '#kernel/chance.ts';

/**
 * Weather for a MemoryNetwork: of a hundred datagrams 20 are lost and 20 doubled, and each copy is delayed by up to 300 ms,
 * so that they overtake each other.
 */
export function badWeather(chance: Chance): () => number[] {
  const delayMs = () => Math.floor(chance.fraction() * 300);
  return () => {
    const luck = chance.fraction();
    if (luck < 0.2) return [];
    return luck < 0.4 ? [delayMs(), delayMs()] : [delayMs()];
  };
}
