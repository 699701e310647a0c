import { Id, Name } from '@tocsin/protocol/common.ts';
import { z } from 'zod';
import { sleep } from '#kernel/clock.ts';
import { defineStep } from '../step.ts';
import { fill, Text } from '../text.ts';

/** Asks the dispatcher a question; `when` of later steps depends on the answer. Without answer in time the default counts. */
export const askDispatcher = defineStep({
  kind: 'ask-dispatcher',
  settings: z.object({
    question: Text,
    choices: z
      .array(z.strictObject({ id: Id, name: Name }))
      .min(2)
      .max(6),
    answerWithinS: z.number().int().min(5).max(86_400).optional().meta({ description: 'Absent: waits for an answer.' }),
    default: Id.optional().meta({ description: 'Chosen when nobody answers in time; absent: the step fails.' }),
  }),
  sample: {
    question: '是否疏散下游？',
    choices: [
      { id: 'evacuate', name: { zh: '疏散', en: 'Evacuate' } },
      { id: 'hold', name: { zh: '暂不', en: 'Not yet' } },
    ],
    answerWithinS: 120,
    default: 'evacuate',
  },

  validate({ choices, default: fallback }) {
    if (fallback === undefined || choices.some((choice) => choice.id === fallback)) return undefined;
    return {
      field: 'default',
      zh: `default“${fallback}”不在 choices 里`,
      en: `default “${fallback}” is not among the choices`,
    };
  },

  needs: () => ({}),

  async run({ question, choices, answerWithinS, default: fallback }, context) {
    const { clock, resumed, signal } = context;
    const askedAt = resumed?.startedAt ?? clock.now();
    const answerBy = answerWithinS === undefined ? undefined : askedAt + answerWithinS * 1000;
    const { zh, en } = typeof question === 'string' ? { zh: question, en: undefined } : question;
    const text = { zh: fill(zh, context).slice(0, 80), en: en && fill(en, context).slice(0, 120) };

    const over = new AbortController();
    const answer = context.ask({ text, choices, answerBy });
    const late =
      answerBy === undefined
        ? new Promise<undefined>(() => {})
        : sleep(clock, answerBy - clock.now(), AbortSignal.any([signal, over.signal])).then(() => undefined);
    let chosen: string | undefined;
    try {
      chosen = await Promise.race([answer, late]);
    } finally {
      answer.catch(() => {});
      late.catch(() => {});
      over.abort();
    }
    const choice = chosen ?? fallback;
    if (choice === undefined) return { kind: 'failed', because: 'unanswered' };
    const name = choices.find(({ id }) => id === choice)!.name;
    const by = chosen === undefined ? { zh: '（超时默认）', en: ' (by default)' } : { zh: '', en: '' };
    return { kind: 'done', choice, summary: { zh: name.zh + by.zh, en: (name.en ?? name.zh) + by.en } };
  },
});
