import { collectEvidence, type Evidence } from '#timeline/export.ts';
import type { Desk } from './desk.ts';

/** Everything that belongs to an incident, as evidence; taking it out is on the timeline. */
export async function exportIncident(
  incident: string,
  user: string,
  { timeline, clock, dataFolder, directory }: Desk,
): Promise<Evidence> {
  await timeline.append({ kind: 'incident.exported', actor: user, incident });
  return await collectEvidence({
    timeline,
    filter: { incident },
    dataFolder,
    site: directory.site.id,
    exportedAt: clock.now(),
    exportedBy: user,
  });
}
