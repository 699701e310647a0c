import type { Clock } from '#kernel/clock.ts';
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

/**
 * The same along several ways, one after another until somebody answers anything but 503 (RFC 3263 §4.3). While another
 * way is left, a silent one is left after a few seconds. `failed` hears of each that did not serve.
 */
export async function sendAlong(
  core: Pick<SessionCore, 'layer' | 'chance' | 'clock'>,
  ways: readonly Flow[],
  build: (flow: Flow) => Request,
  credentials: Credentials | undefined,
  failed: (flow: Flow) => void,
): Promise<RequestOutcome> {
  let outcome: RequestOutcome = { kind: 'unreachable', detail: 'no transport leads there' };
  for (const [i, flow] of ways.entries()) {
    const sending = sendRequest(core, flow, () => build(flow), credentials);
    const isLast = i === ways.length - 1;
    outcome = isLast ? await sending : await within(core.clock, sending);
    if (outcome.kind === 'answered' && outcome.response.status !== 503) return outcome;
    failed(flow);
  }
  return outcome;
}

const NEXT_WAY_AFTER_MS = 4000;

function within(clock: Clock, sending: Promise<RequestOutcome>): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    const timer = clock.after(NEXT_WAY_AFTER_MS, () => resolve({ kind: 'unanswered' }));
    void sending.then((outcome) => {
      timer.cancel();
      resolve(outcome);
    });
  });
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
