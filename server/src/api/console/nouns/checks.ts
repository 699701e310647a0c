import type { NounDoor } from '../noun-door.ts';

/** The newest morning check, item by item as it goes on. */
export const checks: NounDoor<'checks'> = {
  noun: 'checks',
  all: (desk) => (desk.check.latest ? [desk.check.latest] : []),
  watch(desk, changed) {
    let shown = desk.check.latest?.id;
    desk.check.on('changed', (check) => {
      if (shown !== undefined && shown !== check.id) changed({ removed: shown });
      shown = check.id;
      changed({ ...check, items: [...check.items] });
    });
  },
};
