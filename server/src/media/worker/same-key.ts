/** Whether two keys of SRTP are the same, or both are not there. */
export function isSameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && Buffer.compare(one, other) === 0);
}
