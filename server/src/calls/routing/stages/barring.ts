import { numberClassOf } from '../call-class.ts';
import type { RoutingStage } from '../routing.ts';
import { waysOut } from '../ways-out.ts';
import { english, NUMBER_CLASS_WORDS } from '../words.ts';

/** Whether the caller's class may call what he has dialled. */
export const barring: RoutingStage = {
  id: 'barring',
  name: { zh: '呼叫权限', en: 'What the caller may call' },
  look(facts, { site }) {
    const out = waysOut(facts, site.trunks);
    if (!out || !facts.callClass || facts.isBySiteRule) return undefined;
    const numberClass = numberClassOf(out.number, site);
    const { name, mayCall } = facts.callClass;
    const kind = NUMBER_CLASS_WORDS[numberClass];
    if (numberClass === 'emergency' || mayCall.includes(numberClass))
      return {
        kind: 'goes-on',
        change: {},
        said: {
          zh: `${out.number} 属于${kind.zh}，“${name.zh}”可以呼叫`,
          en: `${out.number} is ${kind.en}; “${english(name)}” may call it`,
        },
      };
    const words = {
      zh: `${out.number} 属于${kind.zh}，“${name.zh}”无权呼叫`,
      en: `${out.number} is ${kind.en}; “${english(name)}” may not call it`,
    };
    return { kind: 'leads', to: { kind: 'refused', because: 'barred', words }, said: words };
  },
};
