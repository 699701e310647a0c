import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { seededChance } from '#kernel/chance.ts';
import type { DialogEnding, InviteDialog } from '../session/invite-dialog.ts';
import type { InviteOutcome } from '../session/outgoing-invite.ts';
import { badWeather } from '../transport/weather.ts';
import { ANSWER, OFFER, town } from './test-town.ts';

const SEEDS = 40;

/** A caller and a callee in bad weather, and what each of them came to know of the one call between them. */
async function stormyCall(
  t: TestContext,
  seed: number,
  how: { answersAfterMs?: number; refuses?: number; cancelsAfterMs?: number; isReliable?: boolean },
) {
  const { clock, network, agent } = town(t);
  const chance = seededChance(`weather ${seed}`);
  network.weather = badWeather(chance);
  const caller = await agent('caller');
  const callee = await agent('callee');
  const known = {
    invites: 0,
    outcome: undefined as InviteOutcome | undefined,
    ours: undefined as InviteDialog | undefined,
    theirs: undefined as InviteDialog | undefined,
    cancelled: false,
    endings: [] as DialogEnding[],
  };
  callee.on('invite', (call) => {
    known.invites += 1;
    call.cancelled.addEventListener('abort', () => (known.cancelled = true));
    call.ring(how.isReliable ? { answer: ANSWER } : {});
    clock.after(how.answersAfterMs ?? 1000, () => {
      if (how.refuses !== undefined) return call.refuse(how.refuses);
      call.answer(ANSWER).then(
        (dialog) => {
          known.theirs = dialog;
          dialog.on('reoffer', ({ answer }) => answer(ANSWER));
          dialog.on('ended', (ending) => known.endings.push(ending));
        },
        () => {},
      );
    });
  });
  const invite = caller.invite({
    target: 'sip:200@callee',
    from: { user: '100' },
    offer: OFFER,
    ...(how.isReliable && { headers: { Require: '100rel' } }),
  });
  void invite.outcome.then((outcome) => {
    known.outcome = outcome;
    if (outcome.kind !== 'answered') return;
    known.ours = outcome.dialog;
    outcome.dialog.on('reoffer', ({ answer }) => answer(OFFER));
    outcome.dialog.on('ended', (ending) => known.endings.push(ending));
  });
  if (how.cancelsAfterMs !== undefined) clock.after(how.cancelsAfterMs, () => invite.cancel('caller-gave-up'));
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(250);
      await setImmediate();
    }
  };
  const open = () => [caller, callee].map((one) => (one.snapshot() as { dialogs: number }).dialogs);
  return { known, pass, open, about: `seed ${seed}` };
}

test('in bad weather calls are answered, changed from both ends at once and hung up, and both ends agree', async (t) => {
  let talked = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { known, pass, open, about } = await stormyCall(t, seed, { isReliable: seed % 2 === 1 });
    await pass(100_000);
    assert.ok(known.invites <= 1, about);
    if (known.outcome?.kind !== 'answered') {
      assert.ok(known.outcome, about);
      continue;
    }
    talked += 1;
    assert.ok(known.ours && known.theirs, about);
    const changes = [known.ours.reinvite(OFFER), known.theirs.reinvite(ANSWER)];
    await pass(100_000);
    for (const change of await Promise.all(changes))
      assert.ok(change.kind === 'answered' || known.endings.length > 0, about);
    void known.ours.bye();
    await pass(100_000);
    assert.ok(known.ours.isEnded && known.theirs.isEnded, about);
    assert.deepEqual(open(), [0, 0], about);
  }
  assert.ok(talked > SEEDS * 0.9, `only ${talked} of ${SEEDS} calls were answered`);
});

test('in bad weather a refusal is one refusal', async (t) => {
  let refused = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { known, pass, open, about } = await stormyCall(t, 1000 + seed, { refuses: 486 });
    await pass(100_000);
    assert.ok(known.invites <= 1, about);
    if (known.outcome?.kind === 'refused') refused += 1;
    else assert.equal(known.outcome?.kind, 'unanswered', about);
    assert.deepEqual(open(), [0, 0], about);
  }
  assert.ok(refused > SEEDS * 0.9, `only ${refused} of ${SEEDS}`);
});

test('in bad weather a CANCEL that meets its 200 leaves nobody in a call alone', async (t) => {
  const ends = { cancelled: 0, answered: 0, crossed: 0 };
  for (let seed = 0; seed < SEEDS * 2; seed += 1) {
    const chance = seededChance(`race ${seed}`);
    const { known, pass, open, about } = await stormyCall(t, 2000 + seed, {
      answersAfterMs: chance.fraction() * 3000,
      cancelsAfterMs: chance.fraction() * 3000,
    });
    await pass(120_000);
    assert.ok(known.invites <= 1, about);
    if (known.outcome?.kind === 'answered') {
      ends.answered += 1;
      void known.ours!.bye();
      await pass(100_000);
    } else {
      assert.equal(known.outcome?.kind, 'cancelled', about);
      // Either the callee heard of it in time, or it had answered and was hung up on, or it never rang.
      if (known.theirs) ends.crossed += 1;
      else assert.ok(known.cancelled || known.invites === 0, about);
      ends.cancelled += 1;
    }
    assert.ok(known.theirs?.isEnded ?? true, about);
    assert.deepEqual(open(), [0, 0], about);
  }
  assert.ok(ends.cancelled > 10 && ends.answered > 10 && ends.crossed > 0, JSON.stringify(ends));
});
