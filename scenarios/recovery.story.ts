import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, listenFor } from './kit/hearing.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** Who stays in which call when the server is killed. */
const PHONES = [
  { user: '1001', toneHz: 350, call: 'two talk' },
  { user: '1002', toneHz: 500, call: 'two talk' },
  { user: '1004', toneHz: 650, call: 'one holds the other' },
  { user: '1005', toneHz: 800, call: 'one holds the other' },
  { user: '1006', toneHz: 950, call: 'three in a room' },
  { user: '1007', toneHz: 1150, call: 'three in a room' },
  { user: '1008', toneHz: 1350, call: 'three in a room' },
  { user: '1009', toneHz: 1550, call: 'one hears himself' },
  { user: '1010', toneHz: 1750, call: 'one hangs up meanwhile' },
  { user: '1011', toneHz: 1950, call: 'one hangs up meanwhile' },
  { user: '1012', toneHz: 2150, call: 'it rings' },
  { user: '1013', toneHz: 2350, call: 'it rings' },
] as const;

test('calls go on after the server was killed twice: nobody touches a phone, and nothing is left hanging', async (t) => {
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SIP_PORT: String(await freePort()),
    TOCSIN_HTTP_PORT: String(await freePort()),
  });
  const phones = new Map(
    await Promise.all(
      PHONES.map(
        async ({ user, toneHz }) =>
          [
            user as string,
            await Baresip.start(t, { user, server: tocsin.sip, toneHz, answer: user === '1013' ? 'manual' : 'auto' }),
          ] as const,
      ),
    ),
  );
  const phone = (user: (typeof PHONES)[number]['user']) => phones.get(user)!;
  for (const [from, to] of [
    ['1001', '1002'],
    ['1004', '1005'],
    ['1010', '1011'],
    ['1006', '8001'],
    ['1007', '8001'],
    ['1008', '8001'],
    ['1009', '9196'],
    ['1012', '1013'],
  ] as const)
    await phone(from).dial(to);
  await Promise.all(PHONES.slice(0, 10).map(({ user }) => phone(user).until('CALL_ESTABLISHED')));
  await Promise.all([phone('1013').until('CALL_INCOMING'), phone('1012').until('CALL_RINGING')]);
  const talking: [listener: Baresip, hz: number][] = [
    [phone('1001'), 500],
    [phone('1002'), 350],
    [phone('1006'), 1150],
    [phone('1006'), 1350],
    [phone('1007'), 950],
    [phone('1008'), 950],
    [phone('1009'), 1550],
  ];
  await hearNow(talking);
  await phone('1004').command('hold');
  const held = await until('the call is held', async () => (await tocsin.timeline({ kind: 'call.held' })).at(0));
  const callsBefore = await tocsin.timeline({ kind: 'call.started' });
  const eventsBefore = new Map([...phones].map(([user, { events }]) => [user, events.length]));

  const killAndBegin = async (meanwhile = async () => {}) => {
    const killedAt = Date.now();
    await tocsin.kill();
    await meanwhile();
    const sinceKill = () => Date.now() - killedAt;
    const [readyAfterMs, heardAfterMs] = await Promise.all([
      tocsin.begin().then(sinceKill),
      hearNow(talking).then(sinceKill),
    ]);
    t.diagnostic(
      `everyone hears again ${heardAfterMs} ms after the kill; the server is ready after ${readyAfterMs} ms`,
    );
  };
  await killAndBegin(async () => void (await phone('1010').command('hangup')));
  // What has just been taken up is kept as it was: a second blow takes nothing away.
  await killAndBegin();

  // Whose partner has gone meanwhile is let go.
  await phone('1011').until('CALL_CLOSED', 20_000, eventsBefore.get('1011'));
  // The held one hears music still, and the holder comes back to him.
  await until(
    'the held one hears music',
    async () => rms((await listenFor([phone('1005')], 0.5)).get(phone('1005'))!.samples) > 200,
  );
  await phone('1004').command('resume');
  // This kind of phone writes down nothing more after a re-INVITE of its own: the other's ear tells.
  await hearNow([[phone('1005'), 650]]);
  // Who rang rings on; he picks up, and the two talk.
  await phone('1013').command('accept');
  await hearNow([
    [phone('1012'), 2350],
    [phone('1013'), 2150],
  ]);
  const untouched = PHONES.filter(({ call }) => call !== 'one hangs up meanwhile');
  for (const { user } of untouched)
    assert.ok(
      !phone(user)
        .events.slice(eventsBefore.get(user))
        .some(({ type }) => type === 'CALL_CLOSED' || type === 'CALL_INCOMING'),
      `${user} stayed in his call`,
    );

  await hearNow(talking);

  // They are the same calls as before, and end as any other.
  await Promise.all(
    ['1001', '1004', '1006', '1007', '1008', '1009', '1012'].map((user) => phones.get(user)!.command('hangup')),
  );
  await Promise.all([...phones.values()].map((each) => until(`${each.options.user} is free`, () => !each.isInCall)));
  const ended = await until('all calls are over', async () => {
    const entries = await tocsin.timeline({ kind: 'call.ended' });
    return entries.length >= callsBefore.length && entries;
  });
  assert.deepEqual(
    new Set(ended.map(({ call }) => call)),
    new Set(callsBefore.map(({ call }) => call)),
    'the calls of before the crash have ended, each under its own name',
  );
  assert.equal(ended.find(({ call }) => call === held.call)!.data['because'], 'caller-hung-up');
  const verification = await tocsin.get<{ kind: string }>('/api/timeline/verification');
  assert.equal(verification.kind, 'whole');
});

test('what waits goes on waiting after the server was killed: parked, put aside, asked back, sought in a group', async (t) => {
  const site = await siteFolder(t, (file) => {
    file.huntGroups = [
      {
        ...{ number: '2009', name: { zh: '值班' }, strategy: 'in-turn', ringEachS: 5, totalS: 60 },
        members: ['1013', '1011'],
      },
    ];
  });
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SITE: site,
    TOCSIN_SIP_PORT: String(await freePort()),
    TOCSIN_HTTP_PORT: String(await freePort()),
  });
  const users = ['1003', '1011', '1012', '1013', '1014', '1015', '1016', '1017', '1018', '1019', '1020'] as const;
  type User = (typeof users)[number];
  const toneOf = (user: User) => 600 + 130 * users.indexOf(user);
  const phones = new Map(
    await Promise.all(
      users.map(async (user) => {
        const options = { user, server: tocsin.sip, toneHz: toneOf(user), onlyRings: user === '1013' };
        return [user, await OwnPhone.start(t, options)] as const;
      }),
    ),
  );
  const phone = (user: User) => phones.get(user)!;
  const talk = async (...pairs: [User, User][]) => {
    for (const each of phones.values()) each.forget();
    for (const [a, b] of pairs)
      await until(
        `${a} and ${b} hear each other`,
        () => phone(a).hears(toneOf(b)) && phone(b).hears(toneOf(a)),
        60_000,
      );
  };
  const hearMusic = async (...waiting: User[]) => {
    for (const user of waiting)
      await until(`${user} hears music`, () => [330, 392, 440, 523, 587].some((hz) => phone(user).hears(hz)));
  };
  const press = async (user: User, keys: string) => {
    for (const key of keys) await phone(user).press(key);
  };

  await phone('1019').call('*582');
  await until('1019 has hung up', () => !phone('1019').isTalking);
  await Promise.all([phone('1014').call('1015'), phone('1016').call('1017'), phone('1020').call('1019')]);
  await talk(['1014', '1015'], ['1016', '1017'], ['1020', '1019']);
  // Parked; asked back; put aside for a call that waited; a group that rings its first member.
  await Promise.all([press('1014', '*70'), press('1016', '*21018#')]);
  void phone('1003').call('1019');
  await until('a call waits', async () => (await tocsin.timeline({ kind: 'call.waiting' })).length === 1);
  await press('1019', '*6');
  void phone('1012').call('2009');
  await until('the first of the group rings', () => phone('1013').ringing);
  await until('the parker has hung up', () => !phone('1014').isTalking);
  await talk(['1016', '1018'], ['1003', '1019']);
  await hearMusic('1015', '1017', '1020');
  const { call: limited } = (await tocsin.timeline({ kind: 'call.waiting-taken' }))[0]!;
  await tocsin.command({ do: 'call.limit', call: limited!, seconds: 900 });
  const endsAt = async () =>
    (await tocsin.get<{ id: string; endsAt?: number }[]>('/api/calls')).find(({ id }) => id === limited)?.endsAt;
  const endedBy = (await endsAt())!;
  await until('it is kept', async () => (await tocsin.timeline({ kind: 'call.limited' })).length === 1);

  for (const _ of ['first', 'second']) {
    await tocsin.kill();
    for (const each of phones.values()) each.forget();
    await tocsin.begin();
    await talk(['1016', '1018'], ['1003', '1019']);
    await hearMusic('1015', '1017', '1020');
    assert.equal(phone('1013').ending, undefined, 'the group’s phone has not been told that it is over');
  }
  assert.ok(Math.abs((await endsAt())! - endedBy) < 1000, 'the limit of before holds');

  // Each goes on as before: taken back from the slot, back to whom he asked for, changed, answered by the next of the group.
  await press('1016', '*2');
  await press('1019', '*6');
  void phone('1014').call('701');
  await talk(['1014', '1015'], ['1016', '1017'], ['1019', '1020'], ['1012', '1011']);
  await until('whom he had asked is let go', () => !phone('1018').isTalking);
  await hearMusic('1003');
  await phone('1020').hangUp();
  await talk(['1003', '1019']);
  await Promise.all((['1014', '1016', '1003', '1012'] as const).map((user) => phone(user).hangUp()));
  await until('nobody is left in a call', () => [...phones.values()].every(({ isTalking }) => !isTalking));
});

/** Each hears that tone in what comes from now on. */
async function hearNow(expected: [listener: Baresip, hz: number][]): Promise<void> {
  const listeners = [...new Set(expected.map(([listener]) => listener))];
  let missing: string[] = [];
  await until('everyone hears who is in his call', async () => {
    const heard = await listenFor(listeners, 0.25);
    missing = expected
      .map(([listener, hz]) => [listener.options.user, hz, toneDb(heard.get(listener)!, hz)] as const)
      .filter(([, , level]) => level < HEARD_ABOVE_DB)
      .map(([user, hz, level]) => `${user} hears ${hz} Hz at ${level.toFixed(0)} dB`);
    return missing.length === 0;
  }).catch((error: unknown) => {
    throw new Error(missing.join(', '), { cause: error });
  });
}

const rms = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));
