import type { NounDoor } from '../noun-door.ts';

export const plans: NounDoor<'plans'> = {
  noun: 'plans',
  all: (desk) => desk.plans.views(),
  watch(desk, changed) {
    desk.plans.on('changed', changed);
    desk.plans.on('removed', (removed) => changed({ removed }));
    // What a pre-flight asks about: gateways, phones, lines.
    desk.resources.on('changed', () => desk.plans.reassess());
    desk.phones.on('changed', () => desk.plans.reassess());
    desk.calls.on('changed', () => desk.plans.reassess());
  },
};
