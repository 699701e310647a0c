import type { Request } from '../message/message.ts';

/** What tools that look for telephone systems to abuse call themselves when nobody has told them not to. */
const NAMES =
  /friendly-(?:scanner|request)|sipvicious|sundayddr|sip-?scan|sipcli|siparmyknife|^smap|^iwar|^vaxsipuseragent/i;

/** Whether a request comes from a tool of that trade, by its own word. */
export function isScanner(request: Request): boolean {
  const name = request.get('User-Agent');
  return name !== undefined && NAMES.test(name);
}
