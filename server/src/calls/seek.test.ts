import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallSettings } from '@tocsin/protocol/call-settings.ts';
import { HuntGroup } from '@tocsin/protocol/directory.ts';
import { ManualClock } from '#kernel/clock.ts';
import type { Confirmation } from './confirm.ts';
import type { DialOutcome, Leg } from './leg.ts';
import { Seeker } from './seek.ts';

/** Phones 1002-1009, an outside world behind 9, a group 2001; `answers` says what becomes of ringing a number. */
function exchange(options: {
  settings?: Record<string, Parameters<typeof CallSettings.parse>[0]>;
  answers?: Record<string, DialOutcome['kind']>;
  unregistered?: string[];
  busy?: string[];
  /** What comes of waiting for a phone that talks. */
  waits?: 'free' | 'unanswered' | 'busy';
  away?: string[];
  group?: Record<string, unknown>;
  confirmation?: Confirmation;
}) {
  const clock = new ManualClock();
  const rung: { number: string; atMs: number; diversion?: string }[] = [];
  const notes: string[] = [];
  const waited: string[] = [];
  const hungUp: string[] = [];
  const seeker = new Seeker({
    clock,
    wayTo: (number) =>
      /^100\d$/.test(number)
        ? { kind: 'account', user: number }
        : number === '2001'
          ? { kind: 'group', number }
          : number.startsWith('9')
            ? { kind: 'trunk', ways: [], numberClass: 'local' }
            : { kind: 'unknown' },
    group: (number) => HuntGroup.parse({ number, name: { zh: '值班' }, members: ['1002', '1003'], ...options.group }),
    settings: (account) => CallSettings.parse(options.settings?.[account] ?? {}),
    isRegistered: (account) => !options.unregistered?.includes(account),
    isBusy: (account) => options.busy?.includes(account) ?? false,
    wait: async (account) => {
      waited.push(account);
      return { kind: options.waits ?? 'busy' } as DialOutcome | { kind: 'free' };
    },
    freeSince: () => 0,
    isAway: (account) => options.away?.includes(account) ?? false,
    confirm: async () => options.confirmation ?? 'confirmed',
    async dial(target, { ringForMs, signal, headers }): Promise<DialOutcome> {
      const number = 'number' in target ? target.number : target.address;
      const diversion = headers?.['Diversion'];
      rung.push({ number, atMs: clock.monotonic(), ...(diversion ? { diversion } : {}) });
      const kind = options.answers?.[number];
      if (kind === 'answered')
        return {
          kind,
          leg: {
            party: { number },
            hangUp: async (why: string) => void hungUp.push(`${number} ${why}`),
          } as unknown as Leg,
          afterMs: 1,
        };
      if (kind === 'busy') return { kind };
      if (kind === 'unreachable') return { kind, why: 'no-response' };
      return await new Promise((resolve) => {
        const timer = clock.after(ringForMs, () => resolve({ kind: 'unanswered', afterMs: ringForMs }));
        signal?.addEventListener('abort', () => {
          timer.cancel();
          resolve({ kind: 'cancelled' });
        });
      });
    },
  });
  const call = async (number: string, more: { isUrgent?: boolean } = {}) => {
    let outcome: DialOutcome | undefined;
    const way = /^100\d$/.test(number)
      ? ({ kind: 'account', user: number } as const)
      : ({ kind: 'group', number } as const);
    void seeker
      .seek(number, way, {
        ringForMs: 60_000,
        from: { number: '1001' },
        signal: new AbortController().signal,
        isUrgent: more.isUrgent ?? false,
        note: (kind, data) => notes.push(`${kind} ${JSON.stringify(data)}`),
      })
      .then((value) => (outcome = value));
    for (let passed = 0; passed < 200 && !outcome; passed += 1) {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (!outcome) clock.advance(1000);
    }
    return outcome;
  };
  return { call, rung, notes, waited, hungUp, numbers: () => rung.map(({ number }) => number) };
}

test('without wishes the phone itself rings', async () => {
  const { call, numbers } = exchange({ answers: { '1002': 'answered' } });
  assert.equal((await call('1002'))?.kind, 'answered');
  assert.deepEqual(numbers(), ['1002']);
});

test('forward always rings the other phone alone, and tells where the call came through', async () => {
  const { call, rung, notes } = exchange({
    settings: { '1002': { forwardAlways: '1003' } },
    answers: { '1003': 'answered' },
  });
  assert.equal((await call('1002'))?.kind, 'answered');
  assert.equal(rung.length, 1);
  assert.equal(rung[0]?.number, '1003');
  assert.match(rung[0]?.diversion ?? '', /sip:1002@.*unconditional/);
  assert.ok(notes.some((each) => each.startsWith('call.forwarded')));
});

test('forward on busy, by the phone’s word or because its owner is talking', async () => {
  const settings = { '1002': { forwardBusy: '1003' } };
  const byWord = exchange({ settings, answers: { '1002': 'busy', '1003': 'answered' } });
  assert.equal((await byWord.call('1002'))?.kind, 'answered');
  assert.deepEqual(byWord.numbers(), ['1002', '1003']);
  const talking = exchange({ settings, busy: ['1002'], answers: { '1003': 'answered' } });
  assert.equal((await talking.call('1002'))?.kind, 'answered');
  assert.deepEqual(talking.numbers(), ['1003']);
});

test('forward on no answer rings for its own time first', async () => {
  const { call, rung } = exchange({
    settings: { '1002': { forwardNoAnswer: { to: '913800001002', afterS: 10 } } },
    answers: { '913800001002': 'answered' },
  });
  assert.equal((await call('1002'))?.kind, 'answered');
  assert.deepEqual(
    rung.map(({ number, atMs }) => [number, Math.round((atMs - rung[0]!.atMs) / 1000)]),
    [
      ['1002', 0],
      ['913800001002', 10],
    ],
  );
});

test('forward when unreachable: not registered, or no response', async () => {
  const settings = { '1002': { forwardUnreachable: '1003' } };
  const gone = exchange({ settings, unregistered: ['1002'], answers: { '1003': 'answered' } });
  assert.equal((await gone.call('1002'))?.kind, 'answered');
  assert.deepEqual(gone.numbers(), ['1003']);
  const dead = exchange({ settings, answers: { '1002': 'unreachable', '1003': 'answered' } });
  assert.equal((await dead.call('1002'))?.kind, 'answered');
});

test('two phones that send their calls to each other do not go in circles', async () => {
  const { call, notes, rung } = exchange({
    settings: { '1002': { forwardAlways: '1003' }, '1003': { forwardAlways: '1002' } },
  });
  assert.deepEqual(await call('1002'), { kind: 'unreachable', why: 'forward-loop' });
  assert.equal(rung.length, 0);
  assert.ok(notes.some((each) => each.startsWith('call.forward-loop')));
});

test('a long chain of forwardings ends at its limit', async () => {
  const chain = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`100${i + 1}`, { forwardAlways: `100${i + 2}` }]),
  );
  assert.deepEqual(await exchange({ settings: chain }).call('1001'), { kind: 'unreachable', why: 'forward-loop' });
});

test('do not disturb is busy to everybody but the urgent call', async () => {
  const settings = { '1002': { doNotDisturb: true } };
  const quiet = exchange({ settings, answers: { '1002': 'answered' } });
  assert.equal((await quiet.call('1002'))?.kind, 'busy');
  assert.equal(quiet.rung.length, 0);
  assert.equal((await quiet.call('1002', { isUrgent: true }))?.kind, 'answered');
});

const FOLLOW = { followMe: { isOn: true, numbers: [{ dial: '913800001002', afterS: 5 }] } };

test('follow-me rings the mobile along after its delay, and the one who presses 1 has the call', async () => {
  const { call, rung } = exchange({ settings: { '1002': FOLLOW }, answers: { '913800001002': 'answered' } });
  const outcome = await call('1002');
  assert.equal(outcome?.kind === 'answered' && outcome.leg.party.number, '913800001002');
  assert.deepEqual(
    rung.map(({ number, atMs }) => [number, Math.round((atMs - rung[0]!.atMs) / 1000)]),
    [
      ['1002', 0],
      ['913800001002', 5],
    ],
  );
});

test('a voicemail that takes the mobile’s call does not take the caller', async () => {
  const { call, hungUp } = exchange({
    settings: { '1002': FOLLOW },
    answers: { '913800001002': 'answered' },
    confirmation: 'not-confirmed',
  });
  assert.equal((await call('1002'))?.kind, 'unanswered');
  assert.deepEqual(hungUp, ['913800001002 not-confirmed']);
});

test('whoever is away by the directory is followed without switching it on; nobody waits for a phone that is not there', async () => {
  const { call, rung } = exchange({
    settings: { '1002': { followMe: { isOn: false, numbers: FOLLOW.followMe.numbers } } },
    away: ['1002'],
    unregistered: ['1002'],
    answers: { '913800001002': 'answered' },
  });
  assert.equal((await call('1002'))?.kind, 'answered');
  assert.deepEqual(
    rung.map(({ number }) => number),
    ['913800001002'],
  );
});

test('a group passes over who is busy or quiet, and overflows when nobody is there', async () => {
  const { call, numbers } = exchange({
    busy: ['1002'],
    settings: { '1003': { doNotDisturb: true } },
    group: { overflow: '1004' },
    answers: { '1004': 'answered' },
  });
  assert.equal((await call('2001'))?.kind, 'answered');
  assert.deepEqual(numbers(), ['1004']);
});

test('a group without overflow that nobody answers tells the caller so', async () => {
  const { call } = exchange({ group: { totalS: 10, ringEachS: 5 } });
  assert.equal((await call('2001'))?.kind, 'unanswered');
});

test('a phone that talks is rung on its second line, waited for, or busy, as its owner wants', async () => {
  const busy = ['1002'];
  const line = exchange({ busy, answers: { '1002': 'answered' } });
  assert.equal((await line.call('1002'))?.kind, 'answered');
  assert.deepEqual(line.waited, []);

  const tone = exchange({
    busy,
    settings: { '1002': { callWaiting: 'tone' } },
    waits: 'free',
    answers: { '1002': 'answered' },
  });
  assert.equal((await tone.call('1002'))?.kind, 'answered');
  assert.deepEqual([tone.waited, tone.numbers()], [['1002'], ['1002']]);

  const off = exchange({ busy, settings: { '1002': { callWaiting: 'off' } } });
  assert.equal((await off.call('1002'))?.kind, 'busy');
  assert.deepEqual([off.waited, off.numbers()], [[], []]);
});

test('who has waited in vain goes where the owner sends such calls; urgent ones never wait', async () => {
  const settings = { '1002': { callWaiting: 'tone' as const, forwardNoAnswer: { to: '1003', afterS: 10 } } };
  const inVain = exchange({ busy: ['1002'], settings, waits: 'unanswered', answers: { '1003': 'answered' } });
  assert.equal((await inVain.call('1002'))?.kind, 'answered');
  assert.deepEqual(inVain.numbers(), ['1003']);
  const urgent = exchange({ busy: ['1002'], settings, answers: { '1002': 'answered' } });
  assert.equal((await urgent.call('1002', { isUrgent: true }))?.kind, 'answered');
  assert.deepEqual([urgent.waited, urgent.numbers()], [[], ['1002']]);
});
