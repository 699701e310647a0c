import { numberClassOf } from '../call-class.ts';
import type { RoutingStage } from '../routing.ts';
import { waysOut } from '../ways-out.ts';
import { english } from '../words.ts';

/** Out by the trunks that lead to the number, in their order. */
export const trunks: RoutingStage = {
  id: 'trunks',
  name: { zh: '中继', en: 'Trunks' },
  look(facts, { site }) {
    const out = waysOut(facts, site.trunks);
    if (!out) return undefined;
    const { prefix, number, ways } = out;
    const names = ways.map(({ trunk, number: theirs }) => ({
      name: site.trunks.find(({ id }) => id === trunk)!.name,
      theirs,
    }));
    const chosen = {
      zh: names.map(({ name, theirs }) => `${name.zh}（拨 ${theirs}）`).join('，其次 '),
      en: names.map(({ name, theirs }) => `${english(name)} (dials ${theirs})`).join(', then '),
    };
    return {
      kind: 'leads',
      to: { kind: 'trunk', ways, numberClass: numberClassOf(number, site) },
      said: {
        zh: `${prefix ? `字冠 ${prefix} ` : ''}走中继：${chosen.zh}`,
        en: `${prefix ? `Prefix ${prefix} goes` : 'Goes'} out by: ${chosen.en}`,
      },
    };
  },
};
