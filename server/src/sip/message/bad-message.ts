/**
 * A message that cannot be taken as it is. `status` is what to answer when it is a request and its top Via is usable:
 * 400 malformed, 414 URI too long, 416 URI scheme, 505 version, 513 too large (RFC 3261 §21.4, §21.5).
 * A response that is bad is dropped.
 */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
  readonly status: number;

  constructor(complaint: string, status = 400) {
    super(complaint);
    this.status = status;
  }
}
