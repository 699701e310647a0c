import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openTestStore } from '#store/test-database.ts';
import { openIncidents } from './incidents.ts';
import { Warnings, type WarningWords } from './warnings.ts';

const WORDS: WarningWords = {
  ...{
    category: 'Safety',
    event: { zh: '溃坝洪水' },
    level: 1,
    urgency: 'Immediate',
    certainty: 'Likely',
    isDrill: false,
  },
  headline: { zh: '下游立即转移' },
  instruction: { zh: '向高处转移' },
  area: { name: '石桥村' },
};

async function office(t: TestContext) {
  const store = await openTestStore(t);
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 6));
  const chance = seededChance('warnings', () => clock.now());
  const entries: { kind: string; incident?: string }[] = [];
  const timeline = { append: (entry: { kind: string }) => (entries.push(entry), Promise.resolve(entry as never)) };
  const incidents = await openIncidents({ store, timeline, clock, chance, log: silentLog });
  t.after(() => incidents[Symbol.asyncDispose]());
  const incident = await incidents.open({ title: { zh: '溃坝' }, level: 1, isDrill: false, openedBy: 'li' });
  return { warnings: new Warnings({ store, timeline, clock, chance }), incident, entries, clock };
}

test('an alert, its updates and its cancel refer to all before them; after the cancel a new chain begins', async (t) => {
  const { warnings, incident } = await office(t);
  const alert = await warnings.publish(incident, WORDS, 'li');
  const update = await warnings.publish(incident, { ...WORDS, headline: { zh: '继续转移' } }, 'li');
  const cancel = await warnings.cancel(incident, '水位回落', 'wang');
  const again = await warnings.publish(incident, WORDS, 'li');
  const said = [alert, update, cancel, again];
  assert.deepEqual(
    said.map(({ messageType }) => messageType),
    ['alert', 'update', 'cancel', 'alert'],
  );
  assert.deepEqual(
    said.map(({ references }) => references.map(({ identifier }) => identifier)),
    [[], [alert.identifier], [alert.identifier, update.identifier], []],
  );
  assert.deepEqual(
    said.map(({ sentAt }) => sentAt % 1000),
    [0, 0, 0, 0],
  );
  assert.ok(alert.sentAt < update.sentAt && update.sentAt < cancel.sentAt);
  assert.deepEqual([cancel.headline.zh, cancel.text?.zh, cancel.instruction], ['继续转移', '水位回落', undefined]);
  assert.deepEqual(
    (await warnings.of(incident.id)).map(({ messageType, incident: of }) => [messageType, of === incident.id]),
    [
      ['alert', true],
      ['update', true],
      ['cancel', true],
      ['alert', true],
    ],
  );
});

test('two dispatchers who press at once make one chain, and nothing that stands cannot be cancelled', async (t) => {
  const { warnings, incident } = await office(t);
  await assert.rejects(warnings.cancel(incident, '', 'li'), { code: 'WARNING_NONE' });
  const both = await Promise.all([warnings.publish(incident, WORDS, 'li'), warnings.publish(incident, WORDS, 'wang')]);
  assert.deepEqual(both.map(({ messageType }) => messageType).toSorted(), ['alert', 'update']);
});

test('what no gateway has answered is told again; an answer counts once, and a refusal is no part of the chain', async (t) => {
  const { warnings, incident, entries } = await office(t);
  const first = await warnings.publish(incident, WORDS, 'li');
  const second = await warnings.publish(incident, WORDS, 'li');
  assert.deepEqual(
    (await warnings.pending()).map(({ identifier }) => identifier),
    [first.identifier, second.identifier],
  );
  await warnings.answered(first.command, { done: true });
  await warnings.answered(first.command, { done: true });
  await warnings.answered(second.command, { done: false, because: 'not valid' });
  await warnings.answered('text-7', { done: true });
  assert.deepEqual(await warnings.pending(), []);
  const third = await warnings.publish(incident, WORDS, 'li');
  assert.deepEqual(
    third.references.map(({ identifier }) => identifier),
    [first.identifier],
  );
  assert.deepEqual(
    entries.map(({ kind }) => kind).filter((kind) => kind.startsWith('warning.')),
    ['warning.ordered', 'warning.ordered', 'warning.published', 'warning.refused', 'warning.ordered'],
  );
});
