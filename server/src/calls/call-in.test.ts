import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Person } from '@tocsin/protocol/directory.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { bringIn, type Reaching } from './call-in.ts';
import type { DialOutcome, Leg } from './leg.ts';
import { type AddRequest, Participant } from './participant.ts';

const person = (id: string, more: Partial<Person> = {}): Person => ({
  id,
  name: { zh: id },
  title: '',
  organisation: 'county',
  numbers: [{ kind: 'desk', dial: `1${id}` }],
  deputies: [],
  ...more,
});

const REQUEST: AddRequest = {
  confirm: 'none',
  ringForMs: 20_000,
  retries: 1,
  retryAfterMs: 10_000,
  withDeputies: true,
};

/** A conference of which only the calling-in is real; `answers` says what becomes of each dial of a number. */
function town(people: Person[], answers: Record<string, DialOutcome['kind'][]>) {
  const clock = new ManualClock();
  const told: string[] = [];
  const dialled: string[] = [];
  const settling = new Map<Participant, (isIn: boolean) => void>();
  const reaching: Reaching = {
    from: { number: '8001', name: '会商' },
    parts: {
      clock,
      log: silentLog,
      engine: {} as never,
      directory: {
        deputiesOf: (id: string) =>
          people.find((each) => each.id === id)!.deputies.map((deputy) => people.find((each) => each.id === deputy)!),
      } as never,
      dialler: {
        async dial({ number }: { number: string }, { onInvited }: { onInvited?: () => void }): Promise<DialOutcome> {
          dialled.push(number);
          onInvited?.();
          const kind = answers[number]?.shift() ?? 'unanswered';
          if (kind === 'answered') return { kind, leg: { hangUp: async () => {} } as unknown as Leg, afterMs: 1 };
          return kind === 'refused'
            ? { kind, status: 603 }
            : kind === 'unanswered'
              ? { kind, afterMs: 1 }
              : ({ kind } as DialOutcome);
        },
      } as never,
    },
    hasEnded: () => false,
    add(request) {
      const deputy = people.find((each) => each.id === request.person)!;
      const participant = place(deputy, request);
      void bringIn(participant, request, deputy, reaching);
      return participant;
    },
    changed() {},
    tell(participant, isSettled) {
      told.push(`${participant.view.person} ${participant.view.state}${isSettled ? '.' : ''}`);
      if (isSettled) settling.get(participant)?.(participant.isIn);
    },
    async putThrough(participant) {
      participant.moveTo('in', clock.now());
      reaching.tell(participant, true);
    },
    settled: (participant) => new Promise((resolve) => settling.set(participant, resolve)),
  };
  const place = (who: Person, request: AddRequest) =>
    new Participant(
      `p-${who.id}`,
      clock.now(),
      { kind: 'person', person: who.id, name: who.name, number: '', bearer: 'desk', state: 'queued' },
      request,
    );
  const call = (id: string) => {
    const who = people.find((each) => each.id === id)!;
    const participant = place(who, { ...REQUEST, person: id });
    return { participant, done: bringIn(participant, participant.request!, who, reaching) };
  };
  return { clock, told, dialled, call };
}

const turns = async () => {
  for (let i = 0; i < 30; i += 1) await Promise.resolve();
};

test('who is busy is replaced by his deputy at once, before his own phone is tried again', async () => {
  const { told, dialled, call } = town([person('chief', { deputies: ['deputy'] }), person('deputy')], {
    '1chief': ['busy'],
    '1deputy': ['answered'],
  });
  const { participant, done } = call('chief');
  await done;
  assert.deepEqual(dialled, ['1chief', '1deputy']);
  assert.equal(participant.view.state, 'replaced');
  assert.equal(participant.view.replacedBy, 'deputy');
  assert.deepEqual(told.slice(-2), ['deputy in.', 'chief replaced.']);
});

test('when neither he nor a deputy comes, all are tried again after a while', async () => {
  const { clock, dialled, call } = town([person('chief', { deputies: ['deputy'] }), person('deputy')], {
    '1chief': ['unanswered', 'answered'],
  });
  const { participant, done } = call('chief');
  await turns();
  assert.deepEqual(dialled, ['1chief', '1deputy']);
  clock.advance(REQUEST.retryAfterMs);
  await done;
  assert.deepEqual(dialled, ['1chief', '1deputy', '1chief']);
  assert.equal(participant.view.state, 'in');
});

test('a clear no ends it: no second call, and the ledger hears that nothing more will be tried', async () => {
  const { told, dialled, call } = town([person('chief')], { '1chief': ['refused'] });
  await call('chief').done;
  assert.deepEqual(dialled, ['1chief']);
  assert.equal(told.at(-1), 'chief refused.');
});

test('somebody on leave is not called: his deputy is, at once', async () => {
  const { dialled, call } = town(
    [person('chief', { deputies: ['deputy'], absence: { reason: '请假' } }), person('deputy')],
    {
      '1deputy': ['answered'],
    },
  );
  const { participant, done } = call('chief');
  await done;
  assert.deepEqual(dialled, ['1deputy']);
  assert.equal(participant.view.state, 'replaced');
});

test('every number of a person is tried in its order', async () => {
  const two = person('chief', {
    numbers: [
      { kind: 'desk', dial: '1004' },
      { kind: 'mobile', dial: '9138' },
    ],
  });
  const { dialled, call } = town([two], { '1004': ['unanswered'], '9138': ['answered'] });
  const { participant, done } = call('chief');
  await done;
  assert.deepEqual(dialled, ['1004', '9138']);
  assert.equal(participant.view.bearer, 'mobile');
});

test('who is taken out while his phone is being tried is not tried again', async () => {
  const { clock, dialled, call } = town([person('chief')], {});
  const { participant, done } = call('chief');
  await turns();
  participant.stop.abort();
  await done;
  clock.advance(60_000);
  await turns();
  assert.deepEqual(dialled, ['1chief']);
});
