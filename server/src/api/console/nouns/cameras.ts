import { stateOf } from '#dispatch/open-camera.ts';
import { steeringOf } from '#dispatch/steerers.ts';
import type { NounDoor } from '../noun-door.ts';

export const cameras: NounDoor<'cameras'> = {
  noun: 'cameras',
  all: (desk) => desk.directory.site.cameras.map((camera) => stateOf(camera, desk)),
  watch(desk, changed) {
    const { cameras: all } = desk.directory.site;
    desk.resources.on('changed', ({ id }) => {
      for (const camera of all) if (camera.gateway === id) changed(stateOf(camera, desk));
    });
    steeringOf(desk).on('changed', (id) => {
      const camera = all.find((each) => each.id === id);
      if (camera) changed(stateOf(camera, desk));
    });
    desk.feeds.on('changed', ({ owner }) => {
      const camera = owner.kind === 'camera' && all.find(({ id }) => id === owner.id);
      if (camera) changed(stateOf(camera, desk));
    });
  },
  visible: ({ id }, session, { directory }) => {
    const camera = directory.site.cameras.find((each) => each.id === id);
    return camera !== undefined && session.organisations.has(camera.organisation);
  },
};
