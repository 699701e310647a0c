import type { RoutingStage } from '../routing.ts';

/** The numbers of hunt groups. */
export const huntGroups: RoutingStage = {
  id: 'hunt-groups',
  name: { zh: '分机组', en: 'Hunt groups' },
  look({ called }, { site }) {
    const group = site.huntGroups.find(({ number }) => number === called);
    if (!group) return undefined;
    const { zh, en = zh } = group.name;
    return {
      kind: 'leads',
      to: { kind: 'group', number: called },
      said: { zh: `${called} 是分机组“${zh}”`, en: `${called} is the hunt group “${en}”` },
    };
  },
};
