import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const CHEN_HZ = 523;
const SHEN_HZ = 784;
const ZHAO_HZ = 1175;

test('a desk phone hands its caller on to a colleague and drops out; the two talk on', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [caller, first, second] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CHEN_HZ }),
    Baresip.start(t, { user: '1004', server, toneHz: SHEN_HZ }),
    Baresip.start(t, { user: '1005', server, toneHz: ZHAO_HZ }),
  ]);
  await caller.dial('1004');
  await Promise.all([caller.until('CALL_ESTABLISHED'), first.until('CALL_ESTABLISHED')]);
  await hears(caller, SHEN_HZ);

  await first.command('transfer', `sip:1005@${server}`);
  await second.until('CALL_ESTABLISHED');
  await first.until('CALL_CLOSED');
  assert.ok(caller.isInCall, 'the caller is still in his call');
  await Promise.all([hears(caller, ZHAO_HZ), hears(second, CHEN_HZ)]);
  const heard = await listenFor([caller, second], 2);
  for (const [phone, hz, isHeard] of [
    [caller, ZHAO_HZ, true],
    [second, CHEN_HZ, true],
    [caller, SHEN_HZ, false],
    [second, SHEN_HZ, false],
    [caller, CHEN_HZ, false],
    [second, ZHAO_HZ, false],
  ] as const) {
    const level = toneDb(heard.get(phone)!, hz);
    const words = `${phone.options.user} at ${hz} Hz: ${level.toFixed(1)} dB`;
    t.diagnostic(words);
    assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, words);
  }

  await caller.command('hangup');
  await second.until('CALL_CLOSED');
  const kinds = await until('the timeline has the whole call', async () => {
    const found = (await tocsin.timeline({ kind: 'call.' })).map(({ kind }) => kind);
    return found.includes('call.ended') && found;
  });
  for (const kind of ['call.started', 'call.answered', 'call.transfer-asked', 'call.transferred'])
    assert.ok(kinds.includes(kind), `${kind}: ${kinds.join(' ')}`);
});

test('a phone that hands its caller on to somebody who is not there is told so, and gets him back', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [caller, first] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CHEN_HZ }),
    Baresip.start(t, { user: '1004', server, toneHz: SHEN_HZ }),
  ]);
  await caller.dial('1004');
  await Promise.all([caller.until('CALL_ESTABLISHED'), first.until('CALL_ESTABLISHED')]);
  await first.command('transfer', `sip:1005@${server}`);
  // This phone hangs up when it is told; its caller must not be lost by that.
  const failed = await first.until('TRANSFER_FAILED');
  assert.match(failed.param ?? '', /^480/);
  const entry = await until(
    'the failure is on the timeline',
    async () => (await tocsin.timeline({ kind: 'call.transfer-failed' }))[0],
  );
  assert.equal(entry.data['because'], 'unreachable');
  const told = first.events.indexOf(failed);
  await first.until('CALL_ESTABLISHED', 20_000, told);
  await Promise.all([hears(first, CHEN_HZ), hears(caller, SHEN_HZ)]);
  assert.ok(caller.isInCall);
});
