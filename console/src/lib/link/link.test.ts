import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link, type LinkState, type Wire } from './link.ts';

/** A wire in the hand: the test says what the server says. */
function wireInHand() {
  const heard = new Map<string, (...values: unknown[]) => void>();
  const sent: { event: string; question: unknown; answer: (late: Error | null, result?: unknown) => void }[] = [];
  const wire = {
    connected: true,
    active: true,
    closed: false,
    on: (event: string, listener: (...values: never[]) => void) => heard.set(event, listener as never),
    timeout: () => ({
      emit: (event: string, question: unknown, answer: (late: Error | null, result?: unknown) => void) =>
        sent.push({ event, question, answer }),
    }),
    knocks: 0,
    connect() {
      this.knocks += 1;
    },
    disconnect() {
      this.closed = true;
    },
  };
  const states: LinkState[] = [];
  const told: string[] = [];
  let now = 1000;
  const link = new Link(
    wire as unknown as Wire,
    {
      state: (state) => states.push(state),
      hello: () => told.push('hello'),
      changes: () => told.push('changes'),
      entries: () => told.push('entries'),
      levels: () => told.push('levels'),
    },
    () => now,
  );
  return {
    link,
    wire,
    states,
    told,
    sent,
    say: (event: string, ...values: unknown[]) => heard.get(event)?.(...values),
    at: (ms: number) => (now = ms),
  };
}

test('the link is open from the first hello, and lost, not gone, when the wire breaks', () => {
  const { link, states, say, at } = wireInHand();
  assert.equal(link.state.kind, 'opening');
  say('hello', {});
  at(5000);
  say('disconnect', 'transport close');
  say('connect_error', new Error('xhr poll error'));
  say('connect_error', new Error('xhr poll error'));
  assert.deepEqual(states, [
    { kind: 'open', since: 1000 },
    { kind: 'lost', since: 5000, attempts: 0 },
    { kind: 'lost', since: 5000, attempts: 1 },
    { kind: 'lost', since: 5000, attempts: 2 },
  ]);
  at(9000);
  say('hello', {});
  assert.deepEqual(link.state, { kind: 'open', since: 9000 });
});

test('a refused log-in ends the link, and so does the end of the session', () => {
  const refused = wireInHand();
  refused.wire.active = false;
  refused.say('connect_error', new Error('SESSION_UNKNOWN'));
  assert.deepEqual(refused.link.state, { kind: 'ended', because: 'SESSION_UNKNOWN' });

  const ended = wireInHand();
  ended.say('hello', {});
  ended.say('session-ended', 'logged-out');
  ended.say('disconnect', 'io server disconnect');
  assert.deepEqual(ended.link.state, { kind: 'ended', because: 'logged-out' });
  assert.ok(ended.wire.closed);
});

test('when the server closes the socket by name, the console knocks again by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { link, wire, say } = wireInHand();
  say('hello', {});
  say('disconnect', 'io server disconnect');
  assert.equal(link.state.kind, 'lost');
  t.mock.timers.tick(1000);
  assert.equal(wire.knocks, 1);
});

test('a command pressed while the link is down is refused at once and never sent late', async () => {
  const { link, wire, sent } = wireInHand();
  wire.connected = false;
  assert.deepEqual(await link.command({ do: 'bell.silence' }), { ok: false, code: 'LINK_LOST', message: '' });
  assert.equal(sent.length, 0);
});

test('a command brings the answer of the server, or says that none came', async () => {
  const { link, sent } = wireInHand();
  const first = link.command({ do: 'bell.silence' });
  sent[0]?.answer(null, { ok: true, value: 7 });
  assert.deepEqual(await first, { ok: true, value: 7 });

  const second = link.command({ do: 'bell.silence' });
  sent[1]?.answer(new Error('operation has timed out'));
  const outcome = await second;
  assert.equal(outcome.ok === false && outcome.code, 'LINK_SLOW');
});

test('what the server says is passed on in its order', () => {
  const { say, told } = wireInHand();
  say('hello', {});
  say('changes', []);
  say('levels', 'c1', []);
  say('entries', []);
  assert.deepEqual(told, ['hello', 'changes', 'levels', 'entries']);
});
