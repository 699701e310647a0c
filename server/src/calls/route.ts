import type { Directory } from '#directory/directory.ts';

/** Where a dialled number leads. */
export type Destination =
  | { kind: 'account'; user: string }
  | { kind: 'trunk'; trunk: string; host: string; port: number; number: string }
  | { kind: 'room'; number: string }
  | { kind: 'echo' }
  | { kind: 'unknown' };

/** Dialling it, one hears oneself: the installer's first test of a phone. */
export const ECHO_NUMBER = '9196';

/**
 * Finds what a dialled number means on this site, in this order: the echo test, conference rooms, our own accounts,
 * then the trunk with the longest matching prefix.
 */
export function route(number: string, directory: Pick<Directory, 'site' | 'account'>): Destination {
  if (number === ECHO_NUMBER) return { kind: 'echo' };
  if (directory.site.rooms.some((room) => room.number === number)) return { kind: 'room', number };
  if (directory.account(number)) return { kind: 'account', user: number };
  const trunk = directory.site.trunks
    .filter((each) => each.send && number.startsWith(each.send.prefix) && number.length > each.send.prefix.length)
    .sort((a, b) => b.send!.prefix.length - a.send!.prefix.length)[0];
  if (!trunk?.send) return { kind: 'unknown' };
  const { host, port, prefix, stripPrefix } = trunk.send;
  return { kind: 'trunk', trunk: trunk.id, host, port, number: stripPrefix ? number.slice(prefix.length) : number };
}
