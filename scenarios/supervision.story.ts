import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import type { CallView, SupervisionView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, hearingTable, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const LEAD_HZ = 523;
const CALLER_HZ = 784;
const CLERK_HZ = 1175;

/** Every ear against every voice: `heard` names who hears whom, and nobody else hears anybody. */
async function earsAre(t: TestContext, phones: Baresip[], heard: readonly (readonly [Baresip, Baresip])[]) {
  for (const [listener, speaker] of heard) await hears(listener, speaker.options.toneHz!);
  const sounds = await listenFor(phones, 1);
  t.diagnostic(`\n${hearingTable(sounds, phones)}`);
  for (const listener of phones)
    for (const speaker of phones) {
      const level = toneDb(sounds.get(listener)!, speaker.options.toneHz!);
      const isHeard = heard.some(([ear, mouth]) => ear === listener && mouth === speaker);
      const words = `${listener.options.user} hears ${speaker.options.user} at ${level.toFixed(1)} dB`;
      assert.ok(isHeard ? level > HEARD_ABOVE_DB : level < SILENT_BELOW_DB, words);
    }
}

test('who stands above listens in, whispers, barges in and breaks off, by the keys of a phone and from a desk', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  // 1004 is the duty lead's seat: his role may supervise. 1001 is the administrator's, who stands above him.
  const [lead, caller, clerk, other] = await Promise.all([
    Baresip.start(t, { user: '1004', server, toneHz: LEAD_HZ }),
    Baresip.start(t, { user: '1005', server, toneHz: CALLER_HZ }),
    Baresip.start(t, { user: '1006', server, toneHz: CLERK_HZ }),
    Baresip.start(t, { user: '1007', server }),
  ]);
  await caller.dial('1006');
  await Promise.all([caller.until('CALL_ESTABLISHED'), clerk.until('CALL_ESTABLISHED')]);
  const both = [
    [caller, clerk],
    [clerk, caller],
  ] as const;
  const all = [lead, caller, clerk];
  const going = async (mode: SupervisionView['mode']) =>
    await until(`the lead's mode is ${mode}`, async () =>
      (await tocsin.get<SupervisionView[]>('/api/supervisions')).find((each) => each.mode === mode),
    );

  await t.test('a phone without the right is refused', async () => {
    const seen = other.events.length;
    await other.dial('*411006');
    assert.match((await other.until('CALL_CLOSED', 20_000, seen)).param ?? '', /^403/);
    await until('the attempt is on the timeline', async () =>
      (await tocsin.timeline({ kind: 'supervision.denied' })).some(({ actor }) => actor === '1007'),
    );
  });

  await t.test('he listens in, and is heard by nobody', async (t) => {
    await lead.dial('*411006');
    await lead.until('CALL_ESTABLISHED');
    await going('listen');
    await earsAre(t, all, [...both, [lead, caller], [lead, clerk]]);
  });

  await t.test('key 5: he whispers to one; key 6: he is heard by both', async (t) => {
    await lead.press('5');
    await going('whisper');
    await earsAre(t, all, [...both, [lead, caller], [lead, clerk], [clerk, lead]]);
    await lead.press('6');
    await going('barge');
    await earsAre(t, all, [...both, [lead, caller], [lead, clerk], [clerk, lead], [caller, lead]]);
  });

  await t.test('when he leaves the two talk on', async () => {
    const seen = lead.events.length;
    await lead.command('hangup');
    await lead.until('CALL_CLOSED', 20_000, seen);
    assert.deepEqual(
      await until('nobody supervises', async () => {
        const list = await tocsin.get<SupervisionView[]>('/api/supervisions');
        return list.length === 0 && list;
      }),
      [],
    );
    assert.ok(caller.isInCall && clerk.isInCall);
  });

  await t.test('from a desk: his own phone is called; nobody listens in on those who stand above him', async () => {
    const call = (await tocsin.get<CallView[]>('/api/calls')).find(({ state }) => state === 'answered')!.id;
    const asLead = await tocsin.login('lead');
    const command = { do: 'supervision.begin', call, mode: 'listen' };
    const observer = await tocsin.request('POST', '/api/commands', { ...command }, await tocsin.login('dispatcher'));
    // The dispatcher has the right, and his seat has no phone here.
    assert.equal(observer.status, 409);
    const seen = lead.events.length;
    const begun = await tocsin.command<'supervision.begin'>({ do: 'supervision.begin', call, mode: 'barge' }, asLead);
    await lead.until('CALL_ESTABLISHED', 20_000, seen);
    await hears(caller, LEAD_HZ);
    const { supervision } = begun as { supervision: string };
    await tocsin.command<'supervision.end'>({ do: 'supervision.end', supervision }, asLead);
    await lead.until('CALL_CLOSED', 20_000, seen);
  });

  await t.test('a forced release: the partner is hung up, and the two talk', async (t) => {
    const seen = caller.events.length;
    await lead.dial('*441006');
    await caller.until('CALL_CLOSED', 20_000, seen);
    await earsAre(
      t,
      [lead, clerk],
      [
        [lead, clerk],
        [clerk, lead],
      ],
    );
    // The administrator stands above both; who is not above the lead may not listen in on him.
    const kinds = (await tocsin.timeline({ kind: 'call.pre-empted' })).map(({ actor }) => actor);
    assert.deepEqual(kinds, ['1004']);
    const ended = clerk.events.length;
    await lead.command('hangup');
    await clerk.until('CALL_CLOSED', 20_000, ended);
  });

  await t.test('call settings are set by the keys of the phone', async () => {
    const dial = async (code: string) => {
      const seen = other.events.length;
      await other.dial(code);
      await other.until('CALL_CLOSED', 20_000, seen);
    };
    const settings = async () => await tocsin.get<CallSettings>('/api/accounts/1007/call-settings');
    await dial('*211008');
    assert.equal((await settings()).forwardAlways, '1008');
    await dial('*21');
    assert.equal((await settings()).forwardAlways, undefined);
    await dial('*78');
    assert.equal((await settings()).doNotDisturb, true);
    await dial('*75071006');
    const seen = clerk.events.length;
    await other.dial('*07');
    await clerk.until('CALL_ESTABLISHED', 20_000, seen);
  });
});
