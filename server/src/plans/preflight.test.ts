import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import { ManualClock } from '#kernel/clock.ts';
import { loadPlan } from './load.ts';
import type { Plan } from './plan.ts';
import { assess, type PreflightSources } from './preflight.ts';
import { testDirectory, testPorts } from './test-desk.ts';
import { proposalFor } from './triggers.ts';

function plan(steps: string, head = ''): Plan {
  const outcome = loadPlan(`id: p\nname: { zh: 预案 }\nversion: 1\n${head}steps:\n${steps}`, testDirectory());
  if (outcome.kind === 'invalid') assert.fail(JSON.stringify(outcome.problems));
  return outcome.plan;
}

function sources(more: Partial<PreflightSources> = {}): PreflightSources {
  return { ...testPorts(new ManualClock()).ports, speechState: () => 'ready', ...more };
}

const CONFERENCE =
  "  - { id: meet, kind: conference, name: { zh: 会 }, people: ['group:flood-office', liu], ringS: 25 }\n";
const SIREN = '  - { id: siren, kind: announce, name: { zh: 播 }, zones: [all], say: 撤离 }\n';

test('the pre-flight tells who is away and who stands in, and who cannot be called', () => {
  const { state, people, problems, seconds } = assess(plan(CONFERENCE), sources());
  assert.deepEqual([state, people, seconds], ['degraded', 4, 35]);
  assert.deepEqual(
    problems.map(({ zh }) => zh),
    ['刘洋 没有号码', '王强 休假，由 陈静 代理'],
  );
});

test('a deputy who stands in is news, not a fault', () => {
  const away = plan('  - { id: meet, kind: conference, name: { zh: 会 }, people: [wang] }\n');
  assert.equal(assess(away, sources()).state, 'ready');
});

test('loudspeakers that are down degrade a plan, and all of them together make it useless', () => {
  const { announcements } = sources();
  const someDown = sources({
    announcements: { ...announcements, zoneState: (zone) => (zone === 'dam' ? 'down' : 'ready') },
  });
  assert.deepEqual(
    [assess(plan(SIREN), someDown).state, assess(plan(SIREN), someDown).problems[0]!.zh],
    ['degraded', '广播 dam 断开'],
  );
  const allDown = sources({ announcements: { ...announcements, zoneState: () => 'down' } });
  assert.equal(assess(plan(SIREN), allDown).state, 'not-ready');
});

test('too few lines are told, and lengthen the time to reach all', () => {
  const { calls } = sources();
  const tight = assess(plan(CONFERENCE), sources({ calls: { ...calls, freeLines: () => 2 } }));
  assert.ok(tight.problems.some(({ zh }) => zh === '需要 5 线，空闲 2 线'));
  assert.equal(tight.seconds, 105);
});

test('steps one after another add up, those at once do not', () => {
  const twice =
    CONFERENCE + '  - { id: again, kind: conference, name: { zh: 会 }, people: [zhang], ringS: 20, after: [meet] }\n';
  assert.equal(assess(plan(twice), sources()).seconds, 35 + 30);
});

test('a device’s own plan is proposed, a trigger that starts wins, and technical alarms bring nothing', () => {
  const alarm = (more: Partial<AlarmView>) =>
    ({ id: 'a', kind: 'one-key', level: 2, device: 'key-1', ...more }) as AlarmView;
  const oneKey = { ...plan(SIREN), id: 'one-key' };
  const starting = { ...plan(SIREN, 'triggers: [{ alarmKind: smoke, do: start }]\n'), id: 'fire' };
  const grave = { ...plan(SIREN, 'triggers: [{ level: 1 }]\n'), id: 'grave' };
  const plans = [oneKey, starting, grave];
  const propose = (more: Partial<AlarmView>) => proposalFor(alarm(more), plans, testDirectory());
  assert.deepEqual(propose({}), { plan: 'one-key', how: 'propose' });
  assert.deepEqual(propose({ kind: 'smoke' }), { plan: 'fire', how: 'start' });
  assert.deepEqual(propose({ device: undefined, level: 1 }), { plan: 'grave', how: 'propose' });
  assert.equal(propose({ kind: 'silent' }), undefined);
  assert.equal(propose({ device: undefined, level: 3 }), undefined);
});
