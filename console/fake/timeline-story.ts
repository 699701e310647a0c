import type { TimelineEntry } from '@tocsin/protocol/views.ts';

const at = (time: string) => new Date(`2026-11-22T${time}`).getTime();

/** What the time bar of the pictures shows, in the words of the server: recordings, time on air, announcements, messages. */
export function timelineStory(): TimelineEntry[] {
  const told: Omit<TimelineEntry, 'seq'>[] = [];
  const tell = (time: string, kind: string, data: Record<string, unknown>, more: Partial<TimelineEntry> = {}) =>
    told.push({
      id: `story-${told.length + 1}`,
      at: at(time),
      kind,
      actor: 'system',
      incident: 'incident-0412',
      run: 'run-flood',
      isDrill: false,
      data,
      blobs: [],
      hash: '',
      previous: '',
      ...more,
    });
  const recording = (id: string, title: string, from: string, ms: number, more: Record<string, unknown> = {}) => {
    tell(from, 'recording.started', { recording: id, title, ...more });
    const end = new Date(at(from) + ms).toTimeString().slice(0, 8);
    const sha256 = id.padEnd(64, '0');
    tell(
      end,
      'recording.closed',
      { recording: id, title, ms, ...more },
      {
        blobs: [{ sha256, kind: 'audio', ms, url: `/api/recordings/${id}.wav?ms=${ms}` }],
      },
    );
  };
  const onAir = (talker: string, from: string, to: string) => {
    tell(from, 'channel.speech-began', { channel: 'vhf-1', talker });
    tell(to, 'channel.speech-ended', { channel: 'vhf-1', talker });
  };
  tell('03:04:10', 'alarm.raised', { title: '坝前水位超汛限 0.92 m', level: 1 }, { alarm: 'alarm-dam' });
  recording('rec-zhang', '张海燕 → 周明', '03:04:20', 36_000);
  tell(
    '03:04:30',
    'alarm.acknowledged',
    { title: '坝前水位超汛限 0.92 m' },
    { actor: 'dispatcher', alarm: 'alarm-dam' },
  );
  tell('03:05:02', 'run.started', { plan: '一级防汛响应' }, { actor: 'dispatcher' });
  for (let i = 0; i < 23; i++) tell('03:05:03', 'text.queued', { body: '一级防汛响应已启动，请接听电话' });
  for (let i = 0; i < 21; i++) {
    const time = `03:05:${String(5 + (i % 12)).padStart(2, '0')}`;
    tell(time, i === 9 ? 'text.failed' : 'text.delivered', {}, { person: `villager-${i + 1}` });
  }
  tell('03:05:02', 'announcement.started', {
    announcement: 'a1',
    zones: ['dam', 'below-dam', 'shiqiao'],
    title: '第 1 遍',
  });
  tell('03:05:58', 'announcement.ended', { announcement: 'a1' });
  tell('03:05:09', 'recording.started', { recording: 'rec-conference', title: '会议 8001 混音 · 9 方' });
  onAir('2103', '03:05:41', '03:05:50');
  recording('rec-zhao', '赵立群', '03:05:44', 38_000);
  tell('03:06:18', 'alarm.raised', { title: '岚顶雨量 64.5 mm / 3 h', level: 4 }, { alarm: 'alarm-rain' });
  tell('03:06:20', 'incident.marked', { text: '开 2 孔闸' }, { actor: 'dispatcher' });
  tell('03:06:31', 'feed.invited', { feed: 'feed-wang', name: '王建国' }, { person: 'wang-jianguo' });
  tell('03:06:35', 'feed.live', { feed: 'feed-wang', name: '王建国' }, { person: 'wang-jianguo' });
  onAir('2101', '03:06:30', '03:06:49');
  recording('rec-secretary', '孙立平 秘书', '03:07:10', 52_000);
  tell('03:07:20', 'announcement.started', { announcement: 'a2', zones: ['shiqiao'], title: '第 2 遍' });
  tell('03:08:16', 'announcement.ended', { announcement: 'a2' });
  onAir('2107', '03:07:30', '03:07:41');
  tell('03:07:58', 'run.step-started', { step: '石桥转移备车' });
  onAir('李卫东 2103', '03:08:33', '03:08:50');
  recording('rec-power', '电力 96598', '03:09:20', 38_000);
  tell('03:08:52', 'call.unanswered', { attempt: 2 }, { person: 'sun-liping' });
  tell('03:09:44', 'care.viewed', {}, { person: 'he-jianjun', actor: 'chen-siyuan' });
  onAir('2101', '03:10:02', '03:10:10');
  tell('03:10:37', 'alarm.raised', { title: '柳树坪 2 只广播静默', level: 3 }, { alarm: 'alarm-horns' });
  tell('03:10:58', 'call.refused', {}, { person: 'he-jianjun' });
  onAir('2101', '03:11:20', '03:11:34');
  tell('03:11:41', 'alarm.raised', { title: '石桥站水位超警戒 0.02 m', level: 2 }, { alarm: 'alarm-shiqiao' });
  tell('03:12:05', 'announcement.started', {
    announcement: 'a3',
    zones: ['dam', 'below-dam', 'shiqiao'],
    title: '第 3 遍',
  });
  tell(
    '03:12:26',
    'alarm.raised',
    { title: '一键报警 · 刘桂芳', level: 1 },
    { alarm: 'alarm-one-key', person: 'liu-guifang' },
  );
  return told.sort((a, b) => a.at - b.at).map((entry, i) => ({ ...entry, seq: 1000 + i }));
}
