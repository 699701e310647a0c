import { callClassOf } from '../call-class.ts';
import { fits } from '../number-pattern.ts';
import type { RoutingStage } from '../routing.ts';
import { english } from '../words.ts';

/** Who calls: the person, where his number is from, how important he is, and what he may call outside. */
export const recogniseCaller: RoutingStage = {
  id: 'recognise-caller',
  name: { zh: '主叫识别', en: 'Who calls' },
  look(facts, book) {
    const { calling } = facts;
    const { site } = book;
    const person = book.personByNumber(calling);
    const region = site.regions.find(({ numbers }) => numbers.some((each) => fits(calling, each)));
    const vip = site.vips.filter(({ number }) => fits(calling, number)).toSorted((a, b) => b.level - a.level)[0];
    const callClass = callClassOf(facts, book);
    const learnt = [
      ...(person ? [person.name] : []),
      ...(region ? [{ zh: `归属地${region.name.zh}`, en: `from ${english(region.name)}` }] : []),
      ...(vip ? [{ zh: `重要来电 ${vip.level} 级`, en: `important, level ${vip.level}` }] : []),
      ...(callClass
        ? [{ zh: `呼叫权限“${callClass.name.zh}”`, en: `call class “${english(callClass.name)}”` }]
        : [{ zh: '本系统自己的呼叫', en: 'a call of the house itself' }]),
    ];
    return {
      kind: 'goes-on',
      change: {
        ...(person ? { person: person.id } : {}),
        ...(region ? { region: region.id } : {}),
        ...(vip ? { vip: vip.level } : {}),
        ...(callClass ? { callClass } : {}),
      },
      said: {
        zh: `${calling}：${learnt.map(({ zh }) => zh).join('，')}`,
        en: `${calling}: ${learnt.map(english).join(', ')}`,
      },
    };
  },
};
