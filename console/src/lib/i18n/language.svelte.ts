import type { Name } from '@tocsin/protocol/common.ts';
import { AREAS } from './areas.ts';
import type { Language } from './messages.ts';

const REMEMBERED_AS = 'tocsin.language';

class LanguageChoice {
  /** The language now on the screen; changing it redraws what is written, nothing is loaded anew. */
  current = $state<Language>(remembered());

  choose(language: Language): void {
    this.current = language;
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    try {
      localStorage.setItem(REMEMBERED_AS, language);
    } catch {
      // A browser that keeps nothing still speaks both languages.
    }
  }

  other(): Language {
    return this.current === 'zh' ? 'en' : 'zh';
  }
}

export const language = new LanguageChoice();

type Words = { readonly [Area in keyof typeof AREAS]: (typeof AREAS)[Area]['zh'] };

/** The words of the chosen language: `t.desk.alarms`, `t.desk.waiting(3)`. Reading one in a template follows the choice. */
export const t: Words = new Proxy({} as Words, {
  get: (_, area: string) => {
    const both = AREAS[area as keyof typeof AREAS];
    return both?.[language.current];
  },
});

/** A name from the directory in the chosen language. */
export function nameOf(name: Name | undefined): string {
  if (!name) return '—';
  return language.current === 'en' ? (name.en ?? name.zh) : name.zh;
}

function remembered(): Language {
  try {
    return localStorage.getItem(REMEMBERED_AS) === 'en' ? 'en' : 'zh';
  } catch {
    return 'zh';
  }
}
