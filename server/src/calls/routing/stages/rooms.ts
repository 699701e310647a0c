import type { RoutingStage } from '../routing.ts';

/** The numbers of conference rooms. */
export const rooms: RoutingStage = {
  id: 'rooms',
  name: { zh: '会议室', en: 'Conference rooms' },
  look({ called }, { site }) {
    const room = site.rooms.find(({ number }) => number === called);
    if (!room) return undefined;
    const { zh, en = zh } = room.name;
    return {
      kind: 'leads',
      to: { kind: 'room', number: called },
      said: { zh: `${called} 是会议室“${zh}”`, en: `${called} is the conference room “${en}”` },
    };
  },
};
