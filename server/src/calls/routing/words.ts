import type { Name } from '@tocsin/protocol/common.ts';
import type { NumberClass } from '@tocsin/protocol/routing.ts';

/** The English name, or the Chinese where there is none. */
export const english = ({ zh, en = zh }: Name) => en;

export const NUMBER_CLASS_WORDS: Record<NumberClass, Required<Name>> = {
  emergency: { zh: '紧急号码', en: 'emergency' },
  local: { zh: '本地', en: 'local' },
  'long-distance': { zh: '国内长途', en: 'long-distance' },
  international: { zh: '国际长途', en: 'international' },
  premium: { zh: '声讯收费', en: 'premium' },
};
