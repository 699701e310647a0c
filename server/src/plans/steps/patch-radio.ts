import { Id } from '@tocsin/protocol/common.ts';
import { z } from 'zod';
import { thingsOf, ThingReference } from '../names.ts';
import { defineStep, type StepContext } from '../step.ts';

const settings = z.object({
  channel: ThingReference,
  conference: Id.meta({
    description: 'The conference step whose conference the channel joins, as soon as it is open.',
  }),
});
type Settings = z.output<typeof settings>;

/** Joins a radio channel and the conference of another step, so that each hears the other. */
export const patchRadio = defineStep({
  kind: 'patch-radio',
  settings,
  sample: { channel: 'ch1', conference: 'call-leaders' },
  refers: { channel: 'channel', conference: 'conference-step' },
  needs: ({ channel }, scope) => ({ channels: thingsOf([channel], scope) }),
  run: patch,

  async restore(wanted, context) {
    const wasJoined = context.ledger.rows().some((row) => row.channel === 'radio' && row.state === 'joined');
    if (wasJoined) await patch(wanted, context);
  },
});

async function patch({ channel, conference }: Settings, context: StepContext) {
  const [id] = thingsOf([channel], context);
  if (!id) return { kind: 'failed', because: 'no-channel' } as const;
  const room = await context.conferenceOf(conference);
  context.signal.throwIfAborted();
  const outcome = await room.patch(id);
  const name = context.directory.channel(id)?.name ?? { zh: id };
  if (outcome.kind === 'unavailable') {
    context.ledger.report({ person: id, channel: 'radio', state: 'unreachable', detail: outcome.detail });
    return {
      kind: 'failed',
      because: 'channel-unavailable',
      summary: { zh: `${name.zh} 未接通`, en: `${name.en ?? name.zh} not connected` },
    } as const;
  }
  context.ledger.report({ person: id, channel: 'radio', state: 'joined' });
  void room.ended.then(() => context.ledger.report({ person: id, channel: 'radio', state: 'left' }));
  context.note('radio-patched', { channel: id, conference: room.id });
  return { kind: 'done', summary: { zh: `${name.zh} 已接入会议`, en: `${name.en ?? name.zh} patched` } } as const;
}
