import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Person } from '@tocsin/protocol/directory.ts';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import type { TextState } from './text-store.ts';
import { openTexts, TEXT_LIMITS } from './texts.ts';

const PEOPLE: Person[] = [
  person('zhang', [
    { kind: 'desk', dial: '1001' },
    { kind: 'mobile', dial: '13800000001' },
  ]),
  person('wang', [{ kind: 'mobile', dial: '13800000002' }]),
  person('chen', [{ kind: 'desk', dial: '1003' }]),
];

function person(id: string, numbers: Person['numbers']): Person {
  return { id, name: { zh: id }, title: '', organisation: 'root', numbers, deputies: [] };
}

/** Texts on a real database, with a gateway that only writes down what it is handed. */
async function post(t: TestContext, { store, clock = new ManualClock() }: { store?: Store; clock?: ManualClock } = {}) {
  const database = store ?? (await openTestStore(t));
  const handed: { command: string; to: string; text: string }[] = [];
  const entries: { kind: string }[] = [];
  const texts = await openTexts({
    store: database,
    timeline: { append: (entry) => (entries.push(entry), Promise.resolve(entry as never)) },
    directory: {
      person: (id) => PEOPLE.find((one) => one.id === id),
      personByNumber: (number) => PEOPLE.find((one) => one.numbers.some(({ dial }) => dial === number)),
    },
    sendCommand: ({ command, to, text }) => void handed.push({ command, to, text }),
    clock,
    chance: seededChance('texts', () => clock.now()),
    log: silentLog,
  });
  t.after(() => texts[Symbol.asyncDispose]());
  const changes: TextState[] = [];
  texts.watch((text) => changes.push(text));
  const until = async (condition: () => boolean) => {
    for (let turn = 0; turn < 2000 && !condition(); turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(condition(), `waited in vain for ${condition}`);
  };
  return { texts, handed, changes, entries, clock, store: database, until };
}

test('a text goes to the first mobile number and its receipt comes back', async (t) => {
  const { texts, handed, changes, entries, clock, until } = await post(t);
  texts.setOnline(true);
  const state = await texts.send({ id: 'text-1', to: { person: 'zhang' }, text: '请到岗' });
  assert.equal(state.state, 'queued');
  await until(() => handed.length === 1);
  assert.deepEqual(handed[0], { command: 'text-1', to: '13800000001', text: '请到岗' });
  await texts.takeEvent({ kind: 'text-sent', event: 'e1', at: clock.now(), command: 'text-1', parts: 1 });
  await texts.takeEvent({ kind: 'text-delivered', event: 'e2', at: clock.now(), command: 'text-1' });
  assert.deepEqual(
    changes.map((change) => change.state),
    ['queued', 'sent', 'delivered'],
  );
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ['text.queued', 'text.sent', 'text.delivered'],
  );
});

test('a receipt that overtakes its submission is not undone by it', async (t) => {
  const { texts, changes, clock } = await post(t);
  await texts.send({ id: 'text-1', to: { person: 'wang' }, text: 'x' });
  await texts.takeEvent({ kind: 'text-delivered', event: 'e2', at: clock.now(), command: 'text-1' });
  await texts.takeEvent({ kind: 'text-sent', event: 'e1', at: clock.now(), command: 'text-1', parts: 1 });
  assert.equal((await texts.get('text-1'))?.state, 'delivered');
  assert.equal(changes.at(-1)?.state, 'delivered');
});

test('the same id again sends nothing and tells how far the text is', async (t) => {
  const { texts, handed, clock, until } = await post(t);
  texts.setOnline(true);
  await texts.send({ id: 'text-1', to: { person: 'wang' }, text: 'x' });
  await until(() => handed.length === 1);
  await texts.takeEvent({ kind: 'text-sent', event: 'e1', at: clock.now(), command: 'text-1', parts: 1 });
  assert.equal((await texts.send({ id: 'text-1', to: { person: 'wang' }, text: 'x' })).state, 'sent');
  assert.equal(handed.length, 1);
});

test('while no gateway is there texts wait, and go out in order when it comes', async (t) => {
  const { texts, handed, until } = await post(t);
  await texts.sendAll(
    Array.from({ length: 30 }, (_, i) => ({ id: `text-${i}`, to: { person: 'wang' }, text: `${i}` })),
  );
  assert.deepEqual(texts.snapshot(), { isOnline: false, queued: 30, inFlight: 0 });
  assert.equal(handed.length, 0);
  texts.setOnline(true);
  await until(() => handed.length === 30);
  assert.deepEqual(
    handed.map(({ text }) => Number(text)),
    Array.from({ length: 30 }, (_, i) => i),
  );
});

test('after a crash what is not final is handed over again, and what is final is not', async (t) => {
  const first = await post(t);
  first.texts.setOnline(true);
  await first.texts.sendAll(['a', 'b', 'c'].map((id) => ({ id, to: { person: 'wang' }, text: id })));
  await first.until(() => first.handed.length === 3);
  await first.texts.takeEvent({ kind: 'text-sent', event: 'e1', at: 1, command: 'a', parts: 1 });
  const second = await post(t, { store: first.store, clock: first.clock });
  second.texts.setOnline(true);
  await second.until(() => second.handed.length === 2);
  assert.deepEqual(
    second.handed.map(({ command }) => command),
    ['b', 'c'],
  );
});

test('a gateway that does not answer is asked again after a minute', async (t) => {
  const { texts, handed, clock, until } = await post(t);
  texts.setOnline(true);
  await texts.send({ id: 'a', to: { person: 'wang' }, text: 'x' });
  await until(() => handed.length === 1);
  clock.advance(TEXT_LIMITS.handAgainMs + TEXT_LIMITS.handAgainMs / 4);
  await until(() => handed.length === 2);
  assert.equal(handed[1]!.command, 'a');
});

test('a person without a number gives a text that has failed and says why', async (t) => {
  const { texts, handed } = await post(t);
  texts.setOnline(true);
  const state = await texts.send({ to: { person: 'chen' }, text: 'x', run: 'run-1' });
  assert.equal(state.state, 'failed');
  assert.equal(state.detail, '没有短信号码');
  assert.equal(handed.length, 0);
});

test('a failure that is not final shows why the text waits, one that is final ends it', async (t) => {
  const { texts, clock } = await post(t);
  await texts.send({ id: 'a', to: { person: 'wang' }, text: 'x' });
  const failed = (isFinal: boolean, because: string) =>
    texts.takeEvent({ kind: 'text-failed', event: `e${because}`, at: clock.now(), command: 'a', because, isFinal });
  await failed(false, 'throttled');
  assert.deepEqual([(await texts.get('a'))?.state, (await texts.get('a'))?.detail], ['queued', 'throttled']);
  await failed(true, 'no such number');
  assert.deepEqual([(await texts.get('a'))?.state, texts.snapshot().queued], ['failed', 0]);
});

test('a text from outside is kept once, with the person whose number it is', async (t) => {
  const { texts, entries } = await post(t);
  const received: string[] = [];
  texts.on('received', (text) => received.push(text.person ?? '?'));
  const event = {
    kind: 'text-received',
    event: 'in-1',
    at: 5,
    from: '13800000002',
    to: '10690',
    text: '收到',
  } as const;
  await texts.takeEvent(event);
  await texts.takeEvent(event);
  assert.deepEqual(received, ['wang']);
  assert.equal((await texts.inbox()).length, 1);
  assert.equal(entries.length, 1);
});

test('a text that is too long, or to nobody known, is refused', async (t) => {
  const { texts } = await post(t);
  await assert.rejects(texts.send({ to: { person: 'wang' }, text: 'x'.repeat(1001) }), { code: 'TOO_LARGE' });
  await assert.rejects(texts.send({ to: { person: 'nobody' }, text: 'x' }), { code: 'PERSON_UNKNOWN' });
});
