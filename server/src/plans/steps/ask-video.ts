import type { LedgerState } from '@tocsin/protocol/views.ts';
import { z } from 'zod';
import { peopleOf, PersonReference } from '../names.ts';
import { defineStep, type StepContext, type TextState } from '../step.ts';
import { Text, written } from '../text.ts';
import { textId } from './send-text.ts';

const settings = z.object({
  people: z.array(PersonReference).min(1).max(50),
  text: Text.default('请点开链接回传现场视频：{link}').meta({ description: '`{link}` is where the link stands.' }),
});
type Settings = z.output<typeof settings>;

/** Sends each person a link by short message; one tap on it sends live video, sound and location. */
export const askVideo = defineStep({
  kind: 'ask-video',
  settings,
  sample: { people: ['group:field-team'], text: '请回传现场画面：{link}' },
  refers: { people: 'people' },

  validate({ text }) {
    if ((typeof text === 'string' ? text : text.zh).includes('{link}')) return undefined;
    return { field: 'text', zh: '短信里要有 {link}', en: 'the text must contain {link}' };
  },

  needs({ people }, scope) {
    const asked = peopleOf(people, scope);
    return { video: asked, texts: asked };
  },

  async run({ people, text }, context) {
    const asked = peopleOf(people, context);
    if (asked.length === 0) return { kind: 'failed', because: 'nobody-to-ask' };
    await Promise.all(asked.map((person) => invite(person, text, context)));
    context.signal.throwIfAborted();
    return { kind: 'done', summary: { zh: `已请求 ${asked.length} 路视频`, en: `${asked.length} asked for video` } };
  },

  // The links outlive a restart: the same ids give the same links and send no second text.
  async restore({ people, text }, context) {
    await Promise.all(peopleOf(people, context).map((person) => invite(person, text, context)));
  },
});

async function invite(person: string, text: Settings['text'], context: StepContext): Promise<void> {
  const { run, feeds, texts, ledger } = context;
  const id = textId(run.id, context.step.id, person);
  const report = (state: LedgerState, at?: number, detail?: string) =>
    ledger.report({ person, channel: 'video', state, at, detail });

  const { link } = await feeds.ask({
    id: id.replace('text-', 'feed-'),
    person,
    run: run.id,
    incident: run.incident,
    isDrill: run.isDrill,
    asker: run.startedBy,
    onState({ state, at, detail }) {
      if (state !== 'invited') report(FEED_STATES[state], at, detail);
    },
  });
  const stopWatching = texts.watch((change) => {
    if (change.id !== id) return;
    report(TEXT_STATES[change.state], change.at, change.detail);
    if (change.state === 'delivered' || change.state === 'failed') stopWatching();
  });
  const body = written(text, context, run.isDrill, { link });
  // Without `run`: the ledger's own row of this text is the video's, not a second one under `sms`.
  await texts.send({ id, to: { person }, text: body, incident: run.incident, isDrill: run.isDrill });
}

const FEED_STATES = { opened: 'answered', live: 'joined', lost: 'left', ended: 'left' } as const;
const TEXT_STATES: Record<TextState['state'], LedgerState> = {
  queued: 'queued',
  sent: 'sent',
  delivered: 'delivered',
  // It may be on the phone or not; what is certain is that it went out.
  'receipt-lost': 'sent',
  failed: 'failed',
};
