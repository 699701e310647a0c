import { rewrite } from '../number-pattern.ts';
import type { RoutingStage } from '../routing.ts';

/** A trunk's numbers are made the site's, by the trunk's own rules. */
export const readNumbers: RoutingStage = {
  id: 'read-numbers',
  name: { zh: '号码规整', en: 'Numbers made ours' },
  look({ called, calling, trunk: id }, { site }) {
    const trunk = site.trunks.find((each) => each.id === id);
    if (!trunk) return undefined;
    const ours = {
      called: rewrite(called, trunk.numbers.in.called),
      calling: rewrite(calling, trunk.numbers.in.calling),
    };
    const changes = [
      ...(ours.calling === calling
        ? []
        : [{ zh: `主叫 ${calling} 写作 ${ours.calling}`, en: `caller ${calling} is ${ours.calling}` }]),
      ...(ours.called === called
        ? []
        : [{ zh: `被叫 ${called} 写作 ${ours.called}`, en: `called ${called} is ${ours.called}` }]),
    ];
    if (changes.length === 0) return undefined;
    return {
      kind: 'goes-on',
      change: ours,
      said: { zh: changes.map(({ zh }) => zh).join('；'), en: changes.map(({ en }) => en).join('; ') },
    };
  },
};
