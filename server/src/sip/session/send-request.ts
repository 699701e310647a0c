import { answerChallenge } from '../auth/digest-client.ts';
import type { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import type { Credentials, SessionCore } from './core.ts';

/** How a request other than INVITE ended. */
export type RequestOutcome =
  { kind: 'answered'; response: Response } | { kind: 'unanswered' } | { kind: 'unreachable'; detail: string };

/**
 * Sends what `build` makes and waits for its final response. A challenge is answered once, when there are credentials:
 * `build` is then called again, for the next CSeq.
 */
export async function sendRequest(
  core: Pick<SessionCore, 'layer' | 'chance'>,
  flow: Flow | undefined,
  build: () => Request,
  credentials?: Credentials,
): Promise<RequestOutcome> {
  if (!flow) return { kind: 'unreachable', detail: 'no transport leads there' };
  const outcome = await sendOnce(core, flow, build());
  if (outcome.kind !== 'answered' || !credentials || !isChallenge(outcome.response)) return outcome;
  const again = build();
  return answerChallenge(again, outcome.response, credentials, core.chance) ? sendOnce(core, flow, again) : outcome;
}

export const isChallenge = ({ status }: Response): boolean => status === 401 || status === 407;

function sendOnce(core: Pick<SessionCore, 'layer'>, flow: Flow, request: Request): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    core.layer.send(request, flow, {
      onResponse(response) {
        if (!response.isProvisional) resolve({ kind: 'answered', response });
      },
      onTimeout: () => resolve({ kind: 'unanswered' }),
      onTransportError: (detail) => resolve({ kind: 'unreachable', detail }),
    });
  });
}
