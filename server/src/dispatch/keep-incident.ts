import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Actor, Desk } from './desk.ts';

export async function openIncident({ title, level }: CommandOf<'incident.open'>, actor: Actor, desk: Desk) {
  const incident = await desk.incidents.open({
    title: { zh: title },
    level,
    isDrill: false,
    owner: actor.user,
    openedBy: actor.user,
  });
  return { incident: incident.id, number: incident.number };
}

export async function closeIncident({ incident, note }: CommandOf<'incident.close'>, actor: Actor, desk: Desk) {
  await desk.incidents.close(incident, actor.user, note);
}

/** After a start: the open incidents' cards count the people and steps of their runs again, also of those that are over. */
export async function recountIncidents({ incidents, runs }: Pick<Desk, 'incidents' | 'runs'>): Promise<void> {
  for (const id of incidents.current().flatMap((incident) => incident.runs)) {
    const run = await runs.get(id);
    if (run) incidents.takeRun(run);
  }
}

/** A remark on the incident's timeline. */
export async function markIncident({ incident, text }: CommandOf<'incident.mark'>, actor: Actor, desk: Desk) {
  await desk.incidents.mark(incident, actor.user, text);
}
