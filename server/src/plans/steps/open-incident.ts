import { Level } from '@tocsin/protocol/common.ts';
import { z } from 'zod';
import { defineStep } from '../step.ts';
import { Text, written } from '../text.ts';

/** Opens the incident that gathers this run, its alarm and everything done in it; joins the one that the run was started in. */
export const openIncident = defineStep({
  kind: 'open-incident',
  settings: z.object({
    title: Text.optional().meta({ description: 'Absent: the plan’s name.' }),
    level: Level.optional().meta({ description: 'Absent: the plan’s level, else the alarm’s, else 3.' }),
  }),
  sample: { title: '{alarm.title}', level: 1 },
  needs: () => ({}),

  async run({ title, level }, context) {
    const { run, alarm, incidents } = context;
    const zh = title && written(title, context, false);
    const opened = await incidents.open({
      id: run.incident,
      title: zh ? { zh: zh.slice(0, 80) } : run.planName,
      level: level ?? run.level ?? alarm?.level ?? 3,
      isDrill: run.isDrill,
      owner: run.startedBy === 'system' ? undefined : run.startedBy,
      openedBy: run.startedBy,
      run: run.id,
      alarm: alarm?.id,
    });
    context.openedIncident(opened.id);
    return { kind: 'done', summary: { zh: `事件 ${opened.number}`, en: `Incident ${opened.number}` } };
  },
});
