import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { ended, established, hangUp, heardNow, hearsMusic, press, talk } from './kit/talking.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** None of them is a note of the music or a tone of the exchange. */
const TONE_HZ: Record<string, number> = { '1002': 700, '1004': 1000, '1005': 1240 };
const WAITING_HZ = 450;

test('a second call waits for a phone with one line, and everybody hears what goes on', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const phone = (user: string) => Baresip.start(t, { user, server: tocsin.sip, toneHz: TONE_HZ[user]! });
  const [first, busy, second] = await Promise.all([phone('1002'), phone('1004'), phone('1005')]);
  const settings = () => tocsin.get<{ callWaiting: string }>('/api/accounts/1004/call-settings');
  const dialCode = async (code: string, wanted: string) => {
    const before = busy.events.length;
    await busy.dial(code);
    await until(`${code} has set ${wanted}`, async () => (await settings()).callWaiting === wanted);
    await busy.until('CALL_CLOSED', 20_000, before);
  };
  /** 1002 talks with 1004, and 1005 waits for it; resolves with the id of the call that waits. */
  const twoTalkOneWaits = async (): Promise<string> => {
    const before = (await tocsin.timeline({ kind: 'call.waiting' })).length;
    await first.dial('1004');
    await established(first, busy);
    await talk(first, busy);
    await second.dial('1004');
    const waiting = await until(
      'the second call waits',
      async () => (await tocsin.timeline({ kind: 'call.waiting' }))[before],
    );
    return waiting.call!;
  };

  await dialCode('*582', 'tone');

  await t.test('the tone is heard beside the talk; the caller hears that he waits, and then music', async () => {
    await twoTalkOneWaits();
    await Promise.all([heardNow(busy, WAITING_HZ), hearsMusic(second)]);
    await talk(first, busy);
    assert.ok(!second.isInCall, 'who waits has not been answered, and pays nothing');
  });

  await t.test('*6 takes it while the other hears music, *6 again goes back', async () => {
    await press(busy, '*6');
    await established(second);
    await talk(busy, second, [first]);
    await hearsMusic(first);
    await press(busy, '*6');
    await talk(first, busy, [second]);
    await hearsMusic(second);
  });

  await t.test('whoever hangs up, the phone is back in the other talk', async () => {
    await press(busy, '*6');
    await talk(busy, second);
    await second.command('hangup');
    await ended(second);
    await talk(first, busy);
    await hangUp(first, busy);
  });

  await t.test('who hangs up with a call put aside is called back by it', async () => {
    await twoTalkOneWaits();
    await press(busy, '*6');
    await talk(busy, second);
    const before = busy.events.length;
    await busy.command('hangup');
    await ended(second);
    await busy.until('CALL_ESTABLISHED', 20_000, before);
    await talk(first, busy);
    await hangUp(first, busy);
  });

  await t.test('the desk lets the phone take it', async () => {
    const call = await twoTalkOneWaits();
    await tocsin.command({ do: 'call.take-waiting', call });
    await established(second);
    await talk(busy, second, [first]);
    await first.command('hangup');
    await ended(first);
    await talk(busy, second);
    await hangUp(second, busy);
  });

  await t.test('when the phone is free the call that waits rings it by itself', async () => {
    await twoTalkOneWaits();
    await first.command('hangup');
    await ended(first);
    await established(second);
    await talk(busy, second);
    await hangUp(second, busy);
  });

  await t.test('with *580 the phone is busy for everybody else', async () => {
    await dialCode('*580', 'off');
    await first.dial('1004');
    await established(first, busy);
    const before = second.events.length;
    await second.dial('1004');
    const closed = await second.until('CALL_CLOSED', 20_000, before);
    assert.match(closed.param ?? '', /486/);
    await talk(first, busy);
    await hangUp(first, busy);
  });
});
