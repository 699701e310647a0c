import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckView } from '@tocsin/protocol/views.ts';
import { Console } from './kit/console.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

test('the morning check tries everything by itself; a fault of an exercise is on its red list and beside yesterday’s result', async (t) => {
  const tocsin = await Tocsin.start(t);
  const desk = await Console.open(t, tocsin);
  const gateway = (id: string) => desk.get('gateways', id);
  await until('the gateways are there', () => ['pa-1', 'sms-1', 'radio-1'].every((id) => gateway(id)?.isOnline));

  const check = async (): Promise<CheckView> => {
    const started = await desk.command({ do: 'check.start' });
    assert.ok(started.ok, JSON.stringify(started));
    const { check: id } = started.value as { check: string };
    return await until('the check has ended', () => {
      const now = desk.get('checks', id);
      return now?.endedAt !== undefined && now;
    });
  };
  const item = ({ items }: CheckView, id: string) => {
    const found = items.find((each) => each.id === id);
    assert.ok(found, `${id} is tried; there are ${items.map((each) => each.id).join(' ')}`);
    return found;
  };

  await t.test('every kind of resource is tried, and each has a result', async () => {
    const first = await check();
    for (const each of first.items) console.log(`${each.state} ${each.id} ${each.detail ?? ''} ${each.ms} ms`);
    assert.ok(first.items.every(({ state }) => state !== 'waiting'));
    for (const kind of ['house', 'gateway', 'trunk', 'radio', 'horn', 'texts', 'device', 'sensor'] as const)
      assert.ok(
        first.items.some((each) => each.kind === kind),
        kind,
      );
    for (const id of ['house/database', 'house/recorder', 'gateway/pa-1', 'gateway/pa-1/main-dam', 'gateway/radio-1'])
      assert.deepEqual([item(first, id).state, item(first, id).detail], ['ok', undefined], id);
    assert.equal(item(first, 'gateway/sms-1/smsc-demo').state, 'ok');
    // Nobody answers at the demonstration trunk's far end here.
    assert.equal(item(first, 'trunk/carrier').state, 'failed');
    const running = await desk.command({ do: 'check.start' });
    assert.ok(running.ok);
    const twice = await desk.command({ do: 'check.start' });
    assert.ok(!twice.ok && twice.code === 'CHECK_RUNNING');
    const { check: id } = running.value as { check: string };
    await until('it has ended', () => desk.get('checks', id)?.endedAt !== undefined);
  });

  await t.test('a fault is played, marked on the desk, found by the check, and mended', async () => {
    const cut = { gateway: 'pa-1', resource: 'main-dam', fault: 'cut' as const };
    const injected = await desk.command({ do: 'fault.inject', ...cut, seconds: 600 });
    assert.ok(injected.ok, JSON.stringify(injected));
    await until('the desk shows the fault', () => gateway('pa-1')?.faults[0]?.resource === 'main-dam');
    const red = await check();
    const dam = item(red, 'gateway/pa-1/main-dam');
    assert.deepEqual([dam.state, dam.before], ['failed', 'ok']);
    assert.match(dam.detail ?? '', /0 of \d horns answered, silent: main-dam-1/);
    assert.equal(item(red, 'gateway/pa-1/baxia').state, 'ok');
    await until('the dead horn is named', () =>
      gateway('pa-1')?.resources.some(({ id, state }) => id === 'main-dam.main-dam-1' && state === 'down'),
    );
    assert.ok((await desk.command({ do: 'fault.inject', ...cut, fault: 'none' })).ok);
    await until('the desk shows none', () => gateway('pa-1')?.faults.length === 0);
    const mended = await check();
    assert.deepEqual(
      [item(mended, 'gateway/pa-1/main-dam').state, item(mended, 'gateway/pa-1/main-dam').before],
      ['ok', 'failed'],
    );
    const listed = await tocsin.get<{ id: string; failed: number }[]>('/api/checks');
    assert.deepEqual([listed[0]!.id, listed.length], [mended.id, 4]);
    const again = await tocsin.get<CheckView>(`/api/checks/${red.id}`);
    assert.equal(item(again, 'gateway/pa-1/main-dam').before, 'ok');
    const marks = await tocsin.timeline({ kind: 'fault.injected' });
    assert.deepEqual([marks.length, marks[0]!.isDrill], [1, true]);
  });

  await t.test('the centre’s line is cut, a gateway is cut off, all gateways are killed: each comes back', async () => {
    const provider = () => gateway('sms-1')?.resources.find(({ id }) => id === 'smsc-demo')?.state;
    const line = { gateway: 'sms-1', resource: 'smsc-demo' };
    assert.ok((await desk.command({ do: 'fault.inject', ...line, fault: 'cut', seconds: 3 })).ok);
    await until('the provider is down', () => provider() === 'down');
    await until('it is mended by itself', () => provider() === 'ready', 20_000);

    const own = { gateway: 'radio-1', resource: 'radio-1' };
    assert.ok((await desk.command({ do: 'fault.inject', ...own, fault: 'cut', seconds: 2 })).ok);
    await until('the radio gateway is gone', () => gateway('radio-1')?.isOnline === false);
    await until('it is back', () => gateway('radio-1')?.isOnline === true);

    assert.ok((await desk.command({ do: 'fault.inject', gateway: 'pa-1', resource: 'pa-1', fault: 'kill' })).ok);
    await until('the gateways are gone', () => gateway('pa-1')?.isOnline === false);
    await until('they are back', () => ['pa-1', 'sms-1', 'radio-1'].every((id) => gateway(id)?.isOnline), 30_000);
  });

  await t.test('who has no right to exercises plays no faults, and what is not known is refused', async () => {
    const observer = await Console.open(t, tocsin, 'observer');
    const fault = { gateway: 'pa-1', resource: 'main-dam', fault: 'cut' as const };
    const denied = await observer.command({ do: 'fault.inject', ...fault });
    assert.ok(!denied.ok && denied.code === 'RIGHT_MISSING');
    const unknown = await desk.command({ do: 'fault.inject', ...fault, resource: 'moon' });
    assert.ok(!unknown.ok && unknown.code === 'FAULT_REFUSED');
  });
});
