/** Which way media flows, seen from the side that wrote the description (RFC 8866 §6.7). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** Does a side with this direction send? */
export const sends = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'sendonly';

/** Does a side with this direction take what is sent to it? */
export const receives = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'recvonly';

/** The direction that sends and receives as said. */
export function directionOf(isSending: boolean, isReceiving: boolean): Direction {
  if (isSending) return isReceiving ? 'sendrecv' : 'sendonly';
  return isReceiving ? 'recvonly' : 'inactive';
}

/**
 * Our direction when the other side declared `theirs` and we would like `wanted`: we send only what they take,
 * and take only what they send (RFC 3264 §6.1).
 */
export const agreedDirection = (theirs: Direction, wanted: Direction): Direction =>
  directionOf(sends(wanted) && receives(theirs), receives(wanted) && sends(theirs));
