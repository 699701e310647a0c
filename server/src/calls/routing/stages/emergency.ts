import { numberClassOf } from '../call-class.ts';
import type { RoutingStage } from '../routing.ts';
import { everyWayOut } from '../ways-out.ts';

/** An emergency number dialled as everybody knows it: out by any trunk, without a prefix, by whoever it is. */
export const emergency: RoutingStage = {
  id: 'emergency',
  name: { zh: '紧急号码', en: 'Emergency numbers' },
  look({ called }, { site }) {
    if (numberClassOf(called, site) !== 'emergency') return undefined;
    const out = everyWayOut(called, site.trunks);
    if (!out) return undefined;
    return {
      kind: 'leads',
      to: { kind: 'trunk', ways: out.ways, numberClass: 'emergency' },
      said: {
        zh: `${called} 是紧急号码：不需字冠，不受权限限制`,
        en: `${called} is an emergency number: no prefix needed, everybody may call it`,
      },
    };
  },
};
