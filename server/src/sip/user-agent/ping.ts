import { Request } from '../message/message.ts';
import type { SessionCore } from '../session/core.ts';
import type { Flow } from '../transport/flow.ts';

export type PingOutcome = { kind: 'answered'; status: number; afterMs: number } | { kind: 'unanswered' };

/** Asks by OPTIONS over `flow`; one question, given up after `timeoutMs`. `from` is a URI of ours. */
export function pingOver(
  core: Pick<SessionCore, 'layer' | 'clock' | 'chance' | 'productName'>,
  flow: Flow,
  options: { target: string; from: string; route?: string; timeoutMs: number },
): Promise<PingOutcome> {
  const { clock, chance } = core;
  const request = new Request('OPTIONS', options.target).add('Max-Forwards', '70');
  if (options.route !== undefined) request.add('Route', options.route);
  request
    .add('From', `<${options.from}>;tag=${chance.token(6)}`)
    .add('To', `<${options.target}>`)
    .add('Call-ID', chance.token(12))
    .add('CSeq', '1 OPTIONS')
    .add('Accept', 'application/sdp')
    .add('User-Agent', core.productName);
  const startedAtMs = clock.monotonic();
  return new Promise((resolve) => {
    const giveUp = () => {
      timer.cancel();
      transaction.abandon();
      resolve({ kind: 'unanswered' });
    };
    const timer = clock.after(options.timeoutMs, giveUp);
    const transaction = core.layer.send(request, flow, {
      onResponse({ status, isProvisional }) {
        if (isProvisional) return;
        timer.cancel();
        resolve({ kind: 'answered', status, afterMs: clock.monotonic() - startedAtMs });
      },
      onTimeout: giveUp,
      onTransportError: giveUp,
    });
  });
}
