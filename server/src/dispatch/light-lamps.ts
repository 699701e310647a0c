import type { Lamps } from '#calls/lamps.ts';
import type { Directory } from '#directory/directory.ts';
import { dialogInfo } from '#sip/subscription/bodies.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';

/** Busy lamps: our phones may watch each other's calls (SUBSCRIBE for dialog state, RFC 4235). Trunks may not. */
export function lightLamps(userAgent: UserAgent, lamps: Lamps, directory: Pick<Directory, 'account'>): void {
  const notifier = userAgent.notifier('dialog', {
    contentType: 'application/dialog-info+xml',
    maySee: (watcher) => watcher !== undefined,
    body({ user, entity, version }) {
      if (!directory.account(user)) return undefined;
      const host = entity.split('@').at(-1)!;
      return dialogInfo(
        entity,
        version,
        lamps.dialogs(user, (number) => `sip:${encodeURIComponent(number)}@${host}`),
      );
    },
  });
  lamps.on('changed', (account) => notifier.changed(account));
}
