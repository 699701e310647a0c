import { createHash } from 'node:crypto';
import { z } from 'zod';
import { peopleOf, PersonReference } from '../names.ts';
import { defineStep, type StepContext, type TextState } from '../step.ts';
import { Text, written } from '../text.ts';

/** How long the step waits for the gateway to have taken every text; those that wait longer go out when it can, and stay in the ledger. */
const WAIT_FOR_GATEWAY_S = 120;

/** Sends a short message to everyone named; receipts go on filling the ledger when the step has ended. */
export const sendText = defineStep({
  kind: 'send-text',
  settings: z.object({
    people: z.array(PersonReference).min(1).max(1000),
    text: Text,
    waitS: z.number().int().min(1).max(3600).default(WAIT_FOR_GATEWAY_S),
  }),
  sample: { people: ['group:flood-office'], text: '一级响应启动，请立即到岗。', waitS: 60 },
  refers: { people: 'people' },

  needs: ({ people }, scope) => ({ texts: peopleOf(people, scope) }),

  async run({ people, text, waitS }, context) {
    const to = peopleOf(people, context);
    if (to.length === 0) return { kind: 'failed', because: 'nobody-to-text' };
    const { run } = context;
    const body = written(text, context, run.isDrill);
    const wanted = to.map((person) => ({
      id: textId(run.id, context.step.id, person),
      to: { person },
      text: body,
      run: run.id,
      incident: run.incident,
      isDrill: run.isDrill,
    }));
    return submitted(wanted, waitS, context);
  },
});

/** The same text of the same step to the same person has the same id, so that a crash neither loses nor repeats it. */
export function textId(run: string, step: string, person: string): string {
  return `text-${createHash('sha256').update(`${run}/${step}/${person}`).digest('hex').slice(0, 24)}`;
}

type Wanted = Parameters<StepContext['texts']['sendAll']>[0];

/** Queues the texts and waits until a gateway has taken each, or the time is up. */
async function submitted(wanted: Wanted, waitS: number, context: StepContext) {
  const states = new Map<string, TextState['state']>();
  const mine = new Set(wanted.map(({ id }) => id));
  let finish = () => {};
  const take = (text: TextState) => {
    if (!mine.has(text.id)) return;
    states.set(text.id, text.state);
    context.show(line(states, mine.size, context.texts.isOnline()), share(states, mine.size));
    if (share(states, mine.size) === 1) finish();
  };
  const all = new Promise<void>((resolve) => (finish = resolve));
  const stopWatching = context.texts.watch(take);
  const giveUp = context.clock.after(waitS * 1000, () => finish());
  const onAbort = () => finish();
  context.signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (const text of await context.texts.sendAll(wanted)) if (!states.has(text.id)) take(text);
    await all;
  } finally {
    stopWatching();
    giveUp.cancel();
    context.signal.removeEventListener('abort', onAbort);
  }
  context.signal.throwIfAborted();
  const summary = line(states, mine.size, context.texts.isOnline());
  const sent = [...states.values()].filter((state) => state !== 'queued' && state !== 'failed').length;
  if (sent > 0) return { kind: 'done', summary } as const;
  const isWaiting = [...states.values()].includes('queued');
  return { kind: 'failed', because: isWaiting ? 'text-gateway-offline' : 'no-text-sent', summary } as const;
}

function share(states: Map<string, TextState['state']>, all: number): number {
  return [...states.values()].filter((state) => state !== 'queued').length / all;
}

function line(states: Map<string, TextState['state']>, all: number, isOnline: boolean) {
  const count = (...wanted: TextState['state'][]) =>
    [...states.values()].filter((state) => wanted.includes(state)).length;
  const sent = count('sent', 'delivered', 'receipt-lost');
  const failed = count('failed');
  const waits = isOnline || sent + failed === all;
  return {
    zh: `已发 ${sent}/${all} · 送达 ${count('delivered')}${failed ? ` · 失败 ${failed}` : ''}${waits ? '' : ' · 短信网关离线，等待'}`,
    en: `${sent} of ${all} sent · ${count('delivered')} delivered${failed ? ` · ${failed} failed` : ''}${waits ? '' : ' · gateway offline, waiting'}`,
  };
}
