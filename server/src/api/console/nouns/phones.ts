import { phoneView, phoneViews } from '#dispatch/phone-views.ts';
import type { NounDoor } from '../noun-door.ts';

export const phones: NounDoor<'phones'> = {
  noun: 'phones',
  all: phoneViews,
  watch(desk, changed) {
    const tell = (account: string) => {
      const view = phoneView(account, desk);
      if (view) changed(view);
    };
    desk.lamps.on('changed', tell);
    desk.phones.on('changed', tell);
    desk.directory.callSettings.on('changed', tell);
  },
};
