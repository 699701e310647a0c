import type { Command, CommandResult } from '@tocsin/protocol/console.ts';
import type { LiveChange, LiveNoun, LiveNouns, TimelineEntry } from '@tocsin/protocol/views.ts';
import { CARE } from './site.ts';
import type { Story } from './story.ts';

interface Outcome {
  changes: LiveChange[];
  entries: TimelineEntry[];
  result: CommandResult;
}

/** Does to the story what the server would do to the world, near enough to see the console answer. */
export function obey(story: Story, command: Command, now: number): Outcome {
  const changes: LiveChange[] = [];
  const entries: TimelineEntry[] = [];
  const ok = (value?: unknown): Outcome => ({ changes, entries, result: { ok: true, value } });
  const no = (code: string): Outcome => ({ changes: [], entries: [], result: { ok: false, code, message: code } });

  /** Replaces an item by a changed copy, here and on the wire. */
  function change<Noun extends LiveNoun>(
    noun: Noun,
    id: string,
    by: (item: LiveNouns[Noun]) => Partial<LiveNouns[Noun]>,
  ): boolean {
    const items = story.live[noun] as LiveNouns[Noun][];
    const at = items.findIndex((item) => (item as { id: string }).id === id);
    const item = items[at];
    if (!item) return false;
    const next = { ...item, ...by(item) } as LiveNouns[Noun];
    items[at] = next;
    changes.push({ noun, item: next } as LiveChange);
    return true;
  }
  function note(kind: string, data: Record<string, unknown> = {}, more: Partial<TimelineEntry> = {}) {
    const entry: TimelineEntry = {
      seq: story.entries.length + 1,
      id: `entry-${story.entries.length + 1}`,
      at: now,
      kind,
      actor: story.me.user,
      isDrill: false,
      data,
      blobs: [],
      hash: 'fake',
      previous: 'fake',
      ...more,
    };
    story.entries.push(entry);
    entries.push(entry);
  }

  switch (command.do) {
    case 'alarm.acknowledge':
      note('alarm.acknowledged', {}, { alarm: command.alarm });
      return change<'alarms'>('alarms', command.alarm, () => ({
        state: 'acknowledged',
        acknowledgedBy: story.me.user,
        acknowledgedAt: now,
      }))
        ? ok()
        : no('ALARM_UNKNOWN');
    case 'alarm.clear':
      note('alarm.cleared', { as: command.as }, { alarm: command.alarm });
      return change<'alarms'>('alarms', command.alarm, () => ({
        state: 'cleared',
        clearedAs: command.as,
        clearedAt: now,
      }))
        ? ok()
        : no('ALARM_UNKNOWN');
    case 'bell.silence':
      change<'system'>('system', 'system', () => ({ bellSilencedUntil: now + 60_000 }));
      return ok();
    case 'mode.set':
      change<'system'>('system', 'system', () => ({ mode: command.mode }));
      return ok();
    case 'conference.mute':
      change<'conferences'>('conferences', command.conference, ({ participants }) => ({
        participants: participants.map((one) =>
          one.id === command.participant ? { ...one, isMuted: command.isMuted } : one,
        ),
      }));
      return ok();
    case 'conference.mute-all':
      change<'conferences'>('conferences', command.conference, ({ participants }) => ({
        isMutedAll: command.isMuted,
        participants: participants.map((one) => (one.isChair ? one : { ...one, isMuted: command.isMuted })),
      }));
      return ok();
    case 'patch.open':
      return ok({ conference: command.conference ?? 'conference-8001', missing: [] });
    case 'conference.lock':
      change<'conferences'>('conferences', command.conference, () => ({ isLocked: command.isLocked }));
      return ok();
    case 'conference.redial':
      change<'conferences'>('conferences', command.conference, ({ participants }) => ({
        participants: participants.map((one) =>
          (
            command.participant
              ? one.id === command.participant
              : ['refused', 'voicemail', 'unanswered'].includes(one.state)
          )
            ? { ...one, state: 'dialling', stateSince: now, attempts: one.attempts + 1 }
            : one,
        ),
      }));
      return ok();
    case 'conference.remove':
      change<'conferences'>('conferences', command.conference, ({ participants }) => ({
        participants: participants.filter((one) => one.id !== command.participant),
      }));
      return ok();
    case 'conference.end':
      story.live.conferences = story.live.conferences.filter(({ id }) => id !== command.conference);
      changes.push({ noun: 'conferences', removed: command.conference });
      return ok();
    case 'floor.request': {
      const channel = story.live.channels.find(({ id }) => id === command.channel);
      if (!channel) return no('CHANNEL_UNKNOWN');
      if (channel.state === 'down') return no('CHANNEL_UNAVAILABLE');
      change<'channels'>('channels', command.channel, () => ({
        state: 'transmitting',
        since: now,
        talker: story.me.name.zh,
        holder: story.me.user,
      }));
      return ok();
    }
    case 'floor.release':
      change<'channels'>('channels', command.channel, () => ({
        state: 'idle',
        since: now,
        holder: undefined as never,
      }));
      return ok();
    case 'plan.start': {
      const plan = story.live.plans.find(({ id }) => id === command.plan);
      if (!plan) return no('PLAN_UNKNOWN');
      const id = `run-${now}`;
      const run: LiveNouns['runs'] = {
        id,
        plan: plan.id,
        planName: plan.name,
        planVersion: plan.version,
        isDrill: command.drill,
        state: 'running',
        startedBy: story.me.user,
        startedAt: now,
        steps: plan.steps.map((step, i) => ({ ...step, state: i === 0 ? 'running' : 'waiting' })),
        ledger: [],
        figures: {},
      };
      story.live.runs.push(run);
      changes.push({ noun: 'runs', item: run });
      note('plan.started', { plan: plan.name.zh }, { run: id });
      return ok({ run: id });
    }
    case 'run.stop':
      change<'runs'>('runs', command.run, () => ({ state: 'stopped', because: 'stopped-by-dispatcher', endedAt: now }));
      return ok();
    case 'call.end':
      change<'calls'>('calls', command.call, () => ({ state: 'ended', endedAt: now, because: 'dispatcher-ended' }));
      return ok();
    case 'page.stop':
      for (const zone of command.zones) change<'zones'>('zones', zone, () => ({ state: 'idle', since: now }));
      return ok();
    case 'page.say':
    case 'page.speak':
      for (const zone of command.zones) {
        change<'zones'>('zones', zone, ({ hornsTotal }) => ({
          state: 'playing',
          since: now,
          hornsPlaying: hornsTotal,
        }));
      }
      return ok();
    case 'care.view':
      note('care.viewed', {}, { person: command.person });
      return command.person === CARE.person ? ok({ care: CARE.care }) : no('PERSON_UNKNOWN');
    default:
      return ok();
  }
}
