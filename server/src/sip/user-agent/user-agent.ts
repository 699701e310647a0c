import { openSipTransport } from '../transport/sip-transport.ts';
import { Agent } from './agent.ts';
import type { UserAgent, UserAgentOptions } from './face.ts';

export type { SecuritySnapshot, Trespasser } from './trespassers.ts';
export type { InviteOptions, UserAgent, UserAgentEvents, UserAgentOptions } from './face.ts';

/** Opens a user agent. Throws PORT_IN_USE, or what the binding store throws when it is loaded. */
export async function openUserAgent(options: UserAgentOptions): Promise<UserAgent> {
  await using opened = new AsyncDisposableStack();
  let reportThrottled: (source: string, untilMs: number) => void = () => {};
  let reportGarbage: (source: string) => void = () => {};
  const transport = opened.use(
    options.transport ??
      (await openSipTransport({
        ...options,
        onThrottled: (source, untilMs) => reportThrottled(source, untilMs),
        onGarbage: (source) => reportGarbage(source),
      })),
  );
  const agent = await Agent.open(transport, options);
  reportThrottled = (source, untilMs) => agent.reportGarbageThrottled(source, untilMs);
  reportGarbage = (source) => agent.reportGarbage(source);
  opened.move();
  return agent;
}
