import type { RoutingStage } from '../routing.ts';

/** Our own phones and seats. */
export const accounts: RoutingStage = {
  id: 'accounts',
  name: { zh: '本站分机', en: 'Our own phones' },
  look({ called }, { account }) {
    const found = account(called);
    if (!found) return undefined;
    const { zh, en = zh } = found.name ?? { zh: called };
    return {
      kind: 'leads',
      to: { kind: 'account', user: called },
      said: { zh: `${called} 是本站分机（${zh}）`, en: `${called} is a phone of ours (${en})` },
    };
  },
};
