import type { NounDoor } from '../noun-door.ts';

export const zones: NounDoor<'zones'> = {
  noun: 'zones',
  all: (desk) => desk.directory.site.zones.map((zone) => desk.announcements.view(zone)),
  watch(desk, changed) {
    const tell = (ids: readonly string[]) => {
      for (const zone of desk.directory.site.zones) if (ids.includes(zone.id)) changed(desk.announcements.view(zone));
    };
    desk.announcements.on('changed', (zone) => tell([zone]));
    // A gateway or a horn that comes or goes changes its zones.
    desk.resources.on('changed', (gateway) =>
      tell(
        desk.directory.site.zones
          .filter((zone) => zone.reach.kind === 'gateway' && zone.reach.gateway === gateway.id)
          .map((zone) => zone.id),
      ),
    );
    desk.phones.on('changed', (user) =>
      tell(
        desk.directory.site.zones
          .filter((zone) => zone.reach.kind === 'sip' && zone.reach.account === user)
          .map((zone) => zone.id),
      ),
    );
  },
};
