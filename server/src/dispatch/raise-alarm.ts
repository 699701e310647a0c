import type { AlarmView } from '@tocsin/protocol/views.ts';
import type { Desk } from './desk.ts';
import { openNearest } from './open-nearest.ts';

/** What an alarm brings about: the plan it proposes or starts, the mode of the house, the bell. */
export function followAlarms(desk: Desk): void {
  const { alarms, runs, incidents, system, log } = desk;
  alarms.on('raised', (alarm) => {
    if (alarm.level === 1) system.ringBell();
    openNearest(alarm, desk);
    propose(alarm, desk).catch((error: unknown) =>
      log.error('plan not proposed for an alarm', { alarmId: alarm.id, error }),
    );
  });
  runs.on('changed', (run) => {
    incidents.takeRun(run);
    if (run.alarm && run.incident) hangOn(run.alarm, { run: run.id, incident: run.incident }, desk);
    system.setDrill(runs.current().some((each) => each.isDrill));
    if (!run.isDrill && run.state === 'running') system.setMode('emergency');
  });
  desk.recordings.on('failed', (title, because) => {
    // One alarm for all: on a full disk every recording fails, and one card says so.
    alarms
      .raise({
        kind: 'technical',
        sameness: 'recording-failed',
        level: 2,
        title: { zh: '录音写不下去', en: 'Recordings cannot be written' },
        facts: { zh: `${title} · ${because}`, en: `${title} · ${because}` },
      })
      .catch((error: unknown) => log.error('alarm of a failed recording not raised', { error }));
  });
  runs.on('ended', (run) => {
    incidents.takeRun(run);
    system.setDrill(runs.current().some((each) => each.isDrill));
  });
}

async function propose(alarm: AlarmView, { alarms, plans, runs }: Desk): Promise<void> {
  const proposal = plans.proposalFor(alarm);
  if (!proposal) return;
  alarms.attach(alarm.id, { proposedPlan: proposal.plan });
  plans.prepareFor(proposal.plan, alarm);
  // An alarm that grows graver is raised again; its plan runs already.
  if (proposal.how !== 'start' || alarm.run) return;
  const run = await runs.start({
    plan: proposal.plan,
    alarm,
    startedBy: 'system',
    ...(alarm.isDrill && { isDrill: true }),
    ...(alarm.incident ? { incident: alarm.incident } : {}),
  });
  alarms.attach(alarm.id, { run: run.id });
}

const hung = new WeakMap<Desk, Map<string, string>>();

/** Tells the alarm what has come of it, once for each run. */
function hangOn(alarm: string, facts: { run: string; incident: string }, desk: Desk): void {
  const known = hung.get(desk) ?? new Map<string, string>();
  hung.set(desk, known);
  if (known.get(alarm) === facts.run) return;
  known.set(alarm, facts.run);
  desk.alarms.attach(alarm, facts);
  desk.incidents
    .join(facts.incident, { alarm })
    .catch((error: unknown) => desk.log.warn('alarm not joined to its incident', { alarmId: alarm, error }));
}
