import type { PersonEntry } from './directory.ts';

/** Writes a Chinese name in pinyin: `full` zhouming, `initials` zm. */
export type Romanise = (name: string) => { full: string; initials: string };

interface Indexed {
  person: PersonEntry;
  /** Everything it is found by, in lower case. */
  words: string[];
  unit: string;
}

export interface SearchIndex {
  find(query: string, limit?: number): PersonEntry[];
}

/** Finds people by name, pinyin, initials (`zhy`), number or unit; built once a directory. */
export function buildSearchIndex(
  people: Iterable<PersonEntry>,
  unitOf: (organisation: string) => string,
  romanise: Romanise,
): SearchIndex {
  const indexed: Indexed[] = [];
  for (const person of people) {
    const { full, initials } = romanise(person.name.zh);
    const words = [person.name.zh, person.name.en ?? '', full, initials, ...person.numbers.map(({ dial }) => dial)];
    indexed.push({
      person,
      words: words.filter(Boolean).map((word) => word.toLowerCase()),
      unit: `${unitOf(person.organisation)}${person.title}`.toLowerCase(),
    });
  }
  return {
    find(query, limit = 8) {
      const wanted = query.trim().toLowerCase().replace(/\s+/g, '');
      if (!wanted) return [];
      const ranked: { person: PersonEntry; rank: number }[] = [];
      for (const { person, words, unit } of indexed) {
        let rank = Infinity;
        for (const word of words) {
          const plain = word.replace(/\s+/g, '');
          if (plain === wanted) rank = Math.min(rank, 0);
          else if (plain.startsWith(wanted)) rank = Math.min(rank, 1);
          else if (plain.includes(wanted)) rank = Math.min(rank, 2);
        }
        if (rank === Infinity && unit.includes(wanted)) rank = 3;
        if (rank < Infinity) ranked.push({ person, rank });
      }
      return ranked
        .sort((a, b) => a.rank - b.rank)
        .slice(0, limit)
        .map(({ person }) => person);
    },
  };
}
