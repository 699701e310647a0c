import { Id } from '@tocsin/protocol/common.ts';
import { z } from 'zod';
import { sleep } from '#kernel/clock.ts';
import { defineStep, type StepContext } from '../step.ts';

const settings = z.object({
  seconds: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .meta({ description: 'How long to wait, at most when `until` is given.' }),
  until: z
    .strictObject({ gauge: Id, above: z.number().optional(), below: z.number().optional() })
    .optional()
    .meta({ description: 'Ends the waiting early.' }),
  otherwise: z.enum(['continue', 'fail']).default('continue').meta({ description: 'When `until` did not come true.' }),
});
type Until = NonNullable<z.output<typeof settings>['until']>;

/** Waits some seconds, or until a gauge is above or below a value. A restart does not prolong it. */
export const wait = defineStep({
  kind: 'wait',
  settings,
  sample: { seconds: 600, until: { gauge: 'upstream', above: 74.5 } },
  refers: { 'until.gauge': 'gauge' },

  validate({ until }) {
    if (!until || until.above !== undefined || until.below !== undefined) return undefined;
    return { field: 'until', zh: 'until 要有 above 或 below', en: 'until needs above or below' };
  },

  needs: ({ until }) => ({ gauges: until ? [until.gauge] : [] }),

  async run({ seconds, until, otherwise }, context) {
    const { clock, signal, resumed } = context;
    const passedMs = resumed ? Math.max(0, clock.now() - resumed.startedAt) : 0;
    const leftMs = Math.max(0, seconds * 1000 - passedMs);
    context.show({ zh: `等待 ${seconds} 秒`, en: `Waiting ${seconds} s` });
    if (!until) {
      await sleep(clock, leftMs, signal);
      return { kind: 'done' };
    }
    const cameTrue = await gaugeReaches(until, leftMs, context);
    if (cameTrue) return { kind: 'done', summary: { zh: '条件已满足', en: 'The condition holds' } };
    return otherwise === 'fail'
      ? { kind: 'failed', because: 'condition-not-met' }
      : { kind: 'done', summary: { zh: '时间到', en: 'Time is up' } };
  },
});

async function gaugeReaches({ gauge, above, below }: Until, forMs: number, context: StepContext): Promise<boolean> {
  const holds = (value: number | undefined) =>
    value !== undefined && (above === undefined || value > above) && (below === undefined || value < below);
  if (holds(context.gauges.gauge(gauge)?.value)) return true;
  const reached = Promise.withResolvers<boolean>();
  const stopWatching = context.gauges.watchGauges((view) => {
    if (view.id === gauge && holds(view.value)) reached.resolve(true);
  });
  const over = new AbortController();
  const timeIsUp = sleep(context.clock, forMs, AbortSignal.any([context.signal, over.signal])).then(() => false);
  try {
    return await Promise.race([reached.promise, timeIsUp]);
  } finally {
    stopWatching();
    timeIsUp.catch(() => {});
    over.abort();
  }
}
