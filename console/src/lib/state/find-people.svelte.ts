import { nameOf } from '#i18n/language.svelte.ts';
import type { PersonEntry } from './directory.ts';
import { buildSearchIndex, type Romanise, type SearchIndex } from './search.ts';
import { session } from './session.svelte.ts';

let romanise: Romanise | undefined;
let built: { directory: unknown; index: SearchIndex } | undefined;

/** Pinyin is loaded when the first search begins; until then names and numbers are found, initials are not. */
export function preparePinyin(): void {
  if (romanise) return;
  romanise = () => ({ full: '', initials: '' });
  void import('pinyin-pro').then(({ pinyin }) => {
    romanise = (name) => ({
      full: pinyin(name, { toneType: 'none', type: 'array' }).join(''),
      initials: pinyin(name, { pattern: 'first', toneType: 'none', type: 'array' }).join(''),
    });
    built = undefined;
  });
}

export function findPeople(query: string, limit?: number): PersonEntry[] {
  const { directory } = session;
  if (built?.directory !== directory) {
    built = {
      directory,
      index: buildSearchIndex(
        directory.people.values(),
        (id) => nameOf(directory.organisations.get(id)?.name),
        romanise ?? (() => ({ full: '', initials: '' })),
      ),
    };
  }
  return built.index.find(query, limit);
}
