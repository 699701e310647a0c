import type { Hello } from '@tocsin/protocol/console.ts';
import type { OrderRow, OrderView } from '@tocsin/protocol/orders.ts';
import type {
  AlarmView,
  CallView,
  ChannelView,
  ConferenceView,
  LedgerRow,
  LedgerState,
  LinkView,
  LiveNoun,
  LiveNouns,
  ParticipantView,
  PhoneView,
  PlanView,
  PresenceView,
  RunView,
  StepView,
  SupervisionView,
  TimelineEntry,
  ZoneView,
} from '@tocsin/protocol/views.ts';
import { placeAt } from './base-map.mjs';
import { fakeSite, ME } from './site.ts';

export type StoryName = 'desk' | 'empty' | 'drill' | 'crowd' | 'alarm' | 'flood';
export type LiveState = { [Noun in LiveNoun]: LiveNouns[Noun][] };
export interface Story extends Omit<Hello, 'live'> {
  live: LiveState;
  entries: TimelineEntry[];
}

/** 2026-11-22 at this time on the wall clock of the seat. */
const at = (time: string) => new Date(`2026-11-22T${time}`).getTime();
const name = (zh: string, en: string) => ({ zh, en });

/** Tells one of the stories of the pictures. */
export function tell(story: StoryName): Story {
  switch (story) {
    case 'desk':
      return desk();
    case 'empty':
      return empty();
    case 'drill':
      return drill();
    case 'crowd':
      return crowd();
    case 'alarm':
      return alarmTaken();
    case 'flood':
      return flood();
  }
}

function desk(): Story {
  const site = fakeSite();
  return {
    serverTime: at('03:12:47'),
    me: ME,
    site,
    entries: entries(),
    live: {
      system: [
        {
          id: 'system',
          mode: 'emergency',
          isDrill: false,
          startedAt: at('00:00:00'),
          preparing: [],
          isDemo: true,
          simulators: true,
        },
      ],
      links: links({ pa: ['degraded', '46/48'], satellite: ['down', '断'] }),
      trunks: [
        {
          ...{ id: 'carrier', name: { zh: '运营商中继', en: 'Carrier trunk' }, bearer: 'pstn', kind: 'carrier' },
          ...{ health: 'up', since: at('00:00:00'), isRegistered: true, lines: 30, inUse: 1, lineNames: [] },
          uses: [{ direction: 'out', number: '13800001111', since: at('03:11:02') }],
          calls: { tried: 14, answered: 11, failed: 0, full: 0 },
        },
      ],
      plans: plans(),
      alarms: alarms(),
      incidents: incidents(),
      runs: [run()],
      conferences: [conference()],
      orders: orders(),
      supervisions: supervisions(),
      phones: phones(),
      bookings: [{ id: 'booking-1', from: '1003', to: '913905718801', at: at('06:00:00'), bookedBy: 'zhou-ming' }],
      calls: [
        {
          id: 'call-one-key',
          kind: 'two-party',
          from: { number: '057100000417', name: name('刘桂芳', 'Liu Guifang'), person: 'liu-guifang' },
          to: { number: '1003' },
          state: 'ringing',
          startedAt: at('03:12:33'),
          alarm: 'alarm-one-key',
          isRecording: false,
        },
        {
          id: 'call-conference',
          kind: 'conference',
          from: { number: '8001', name: name('会议 8001', 'Conference 8001') },
          to: { number: '1003', name: ME.name },
          state: 'answered',
          startedAt: at('03:05:14'),
          answeredAt: at('03:05:15'),
          conference: 'conference-8001',
          isRecording: true,
        },
        ...houseCalls(),
      ],
      presence: presence(),
      zones: zones({ dam: 'playing', 'below-dam': 'playing', shiqiao: 'playing', liushuping: 'part-silent' }),
      channels: channels(),
      gauges: [
        {
          id: 'dam-level',
          value: 118.42,
          at: at('03:12:40'),
          trend: 'rising',
          ratePerHour: 0.18,
          over: { level: 1, threshold: 117.5 },
          isSilent: false,
        },
        {
          id: 'shiqiao-level',
          value: 42.52,
          at: at('03:12:40'),
          trend: 'rising',
          ratePerHour: 0.42,
          over: { level: 2, threshold: 42.5 },
          isSilent: false,
        },
        { id: 'dongsha-level', value: 38.1, at: at('03:12:40'), trend: 'rising', ratePerHour: 0.2, isSilent: false },
        { id: 'hekou-level', value: 36.15, at: at('03:12:40'), trend: 'steady', ratePerHour: 0, isSilent: false },
        {
          id: 'landing-rain',
          value: 64.5,
          at: at('03:12:40'),
          trend: 'rising',
          over: { level: 3, threshold: 60 },
          isSilent: false,
        },
        { id: 'kuwei-rain', value: 41, at: at('03:12:40'), trend: 'steady', isSilent: false },
      ],
      devices: [
        {
          id: 'EK-0417',
          lastHeardAt: at('03:12:26'),
          batteryPercent: 82,
          isSilent: false,
          location: placeAt(730, 384),
        },
        {
          id: 'EK-0406',
          lastHeardAt: at('03:02:00'),
          batteryPercent: 64,
          isSilent: false,
          location: placeAt(700, 368),
        },
      ],
      threads: [],
      gateways: [],
      checks: [],
      shelves: [],
      cameras: [],
      feeds: [
        {
          id: 'feed-wang',
          person: 'wang-jianguo',
          name: name('主坝右岸', 'Right bank of the dam'),
          state: 'live',
          since: at('03:06:35'),
          invitedAt: at('03:05:04'),
          liveSince: at('03:06:35'),
          hasVideo: true,
          hasAudio: true,
          isRecording: true,
          location: { ...placeAt(470, 366), accuracyMetres: 6, atMs: at('03:12:42') },
          conference: 'conference-8001',
          run: 'run-flood',
          incident: 'incident-0412',
          viewers: 3,
        },
        {
          id: 'feed-li',
          person: 'li-weidong',
          name: name('抢险二组', 'Rescue 2'),
          state: 'invited',
          since: at('03:06:31'),
          invitedAt: at('03:06:31'),
          hasVideo: false,
          hasAudio: false,
          isRecording: false,
          run: 'run-flood',
          incident: 'incident-0412',
          viewers: 0,
        },
      ],
    },
  };
}

function links(other: Partial<Record<LinkView['id'], [LinkView['state'], string]>> = {}): LinkView[] {
  const ids: LinkView['id'][] = ['trunk', 'phones', 'radio', 'pa', 'sms', 'satellite', 'video', 'data'];
  return ids.map((id) => {
    const [state, value] = other[id] ?? ['works', undefined];
    return { id, state, since: at('03:11:27'), ...(value ? { value } : {}) };
  });
}

type PlanRow = [
  id: string,
  zh: string,
  en: string,
  state: PlanView['readiness']['state'],
  people: number,
  seconds: number,
  problem?: [zh: string, en: string],
];
const PLANS: PlanRow[] = [
  ['flood-level-1', '一级防汛响应', 'Flood level 1', 'ready', 23, 38],
  ['move-downstream', '下游转移', 'Move downstream', 'ready', 41, 22],
  ['dam-breach', '溃坝应急疏散', 'Dam breach', 'ready', 61, 18],
  ['one-key-alarm', '一键报警处置', 'One-key alarm', 'ready', 3, 9],
  ['power-supply', '全县停电保供', 'Power supply', 'degraded', 18, 14, ['2 个号码失效', '2 numbers invalid']],
  [
    'satellite-villages',
    '边远村卫星通知',
    'Remote villages',
    'not-ready',
    9,
    30,
    ['卫星链路断', 'satellite link down'],
  ],
];

function plans(): PlanView[] {
  return PLANS.map(([id, zh, en, state, people, seconds, problem], i) => ({
    id,
    name: name(zh, en),
    version: '7',
    button: i + 1,
    readiness: { state, people, seconds, problems: problem ? [name(...problem)] : [] },
    steps: steps().map(({ id: step, kind, name: stepName, after }) => ({ id: step, kind, name: stepName, after })),
  }));
}

function alarms(): AlarmView[] {
  return [
    {
      id: 'alarm-one-key',
      kind: 'one-key',
      level: 1,
      title: name('一键报警 · 刘桂芳 78 岁', 'One-key alarm · Liu Guifang, 78'),
      facts: name('石桥村 12 号 独居 · 高血压 · 设备 EK-0417', 'Shiqiao 12, lives alone · hypertension · EK-0417'),
      doing: name('已自动呼叫 3 人，无人确认', '3 called, none confirmed'),
      state: 'raised',
      raisedAt: at('03:12:26'),
      device: 'EK-0417',
      person: 'liu-guifang',
      location: { ...placeAt(730, 384), accuracyMetres: 8, atMs: at('03:12:26') },
      run: 'run-one-key',
      count: 1,
      batteryPercent: 82,
    },
    {
      id: 'alarm-shiqiao',
      kind: 'water-level',
      level: 2,
      title: name('石桥站水位超警戒', 'Shiqiao above warning level'),
      facts: name(
        '42.52 m 超 0.02 m · 涨速 0.42 m/h · 3 站同涨',
        '42.52 m, over by 0.02 m · rising 0.42 m/h · 3 stations',
      ),
      doing: name('建议预案：下游转移 · 就绪', 'Proposed: Move downstream · ready'),
      state: 'raised',
      raisedAt: at('03:11:41'),
      gauge: 'shiqiao-level',
      location: placeAt(676, 402),
      proposedPlan: 'move-downstream',
      count: 1,
    },
    {
      id: 'alarm-horns',
      kind: 'pa-silent',
      level: 3,
      title: name('柳树坪 2 只广播静默', 'Liushuping: 2 horns silent'),
      facts: name('03 号、05 号自检无回声', 'Horns 03 and 05 gave no echo'),
      state: 'raised',
      raisedAt: at('03:10:37'),
      zone: 'liushuping',
      count: 7,
    },
    {
      id: 'alarm-dam',
      kind: 'water-level',
      level: 1,
      title: name('坝前水位超汛限 0.92 m', 'Dam level over limit by 0.92 m'),
      facts: name('118.42 m · 涨速 0.18 m/h', '118.42 m · rising 0.18 m/h'),
      doing: name('预案运行中', 'plan running'),
      state: 'acknowledged',
      raisedAt: at('03:04:10'),
      acknowledgedBy: 'dispatcher',
      acknowledgedAt: at('03:04:20'),
      gauge: 'dam-level',
      incident: 'incident-0412',
      run: 'run-flood',
      count: 1,
    },
    {
      id: 'alarm-rain',
      kind: 'rainfall',
      level: 4,
      title: name('岚顶雨量 64.5 mm / 3 h', 'Landing rain 64.5 mm / 3 h'),
      facts: name('64.5 mm / 3 h', '64.5 mm / 3 h'),
      state: 'acknowledged',
      raisedAt: at('02:46:35'),
      acknowledgedBy: 'chen-siyuan',
      acknowledgedAt: at('02:47:30'),
      gauge: 'landing-rain',
      incident: 'incident-0412',
      count: 1,
    },
    ...(
      [
        [
          'alarm-c1',
          4,
          '石桥村 06 号 一键通 误触',
          'Shiqiao 06 pressed by mistake',
          'false-alarm',
          '02:40:10',
          '02:41:18',
        ],
        ['alarm-c2', 3, '东沙站 通信中断 恢复', 'Dongsha station back on line', 'recovered', '02:06:00', '02:12:20'],
        ['alarm-c3', 4, '岚顶雨量 40 mm / 3 h', 'Landing rain 40 mm / 3 h', 'handled', '01:49:40', '01:50:12'],
        ['alarm-c4', 3, 'S217 边坡位移', 'S217 slope moved', 'handled', '01:28:00', '01:30:42'],
      ] as const
    ).map(([id, level, zh, en, clearedAs, raised, cleared]) => ({
      id,
      kind: 'one-key',
      level,
      title: name(zh, en),
      facts: name(zh, en),
      state: 'cleared' as const,
      raisedAt: at(raised),
      acknowledgedBy: 'dispatcher',
      acknowledgedAt: at(raised) + 9000,
      clearedAt: at(cleared),
      clearedAs,
      count: 1,
    })),
  ];
}

function incidents(): LiveState['incidents'] {
  return [
    {
      id: 'incident-0412',
      number: '0412',
      title: name('岚溪水库超汛限', 'Lanxi above flood limit'),
      level: 1,
      state: 'open',
      isDrill: false,
      openedAt: at('03:04:16'),
      owner: 'dispatcher',
      alarms: ['alarm-dam', 'alarm-rain', 'alarm-shiqiao'],
      runs: ['run-flood'],
      people: 14,
      stepsDone: 4,
      stepsAll: 9,
    },
    {
      id: 'incident-0411',
      number: '0411',
      title: name('S217 线 K12 边坡落石', 'Rockfall at S217 K12'),
      level: 3,
      state: 'open',
      isDrill: false,
      openedAt: at('01:30:42'),
      owner: 'chen-siyuan',
      alarms: ['alarm-c4'],
      runs: [],
      people: 3,
      stepsDone: 2,
      stepsAll: 2,
    },
  ];
}

function steps(): StepView[] {
  const row = (
    id: string,
    kind: string,
    zh: string,
    en: string,
    after: string[],
    state: StepView['state'],
    started: string,
    rest: Partial<StepView> = {},
  ): StepView => ({
    id,
    kind,
    name: name(zh, en),
    after,
    state,
    ...(started ? { startedAt: at(started) } : {}),
    ...rest,
  });
  return [
    row('incident', 'open-incident', '建立事件', 'Open incident', [], 'done', '03:05:02', {
      endedAt: at('03:05:02') + 100,
      summary: name('0412 · 红色', '0412 · red'),
    }),
    row('conference', 'conference', '会议 8001', 'Conference 8001', ['incident'], 'running', '03:05:15', {
      progress: 0.75,
      summary: name('在会 9/12 · 振铃 1 · 未到 2', '9/12 in · 1 ringing · 2 missing'),
    }),
    row('announce', 'announce', '广播 3 分区', 'Page 3 zones', ['incident'], 'running', '03:12:05', {
      progress: 0.62,
      summary: name('第 3/3 遍 · 20 只全部有回声', 'Round 3/3 · all 20 horns echo'),
    }),
    row('texts', 'text', '短信 23 人', 'Text 23 people', ['incident'], 'done', '03:05:03', {
      endedAt: at('03:05:04') + 200,
      summary: name('送达 21 · 退回 1 · 待回执 1', '21 delivered · 1 returned · 1 open'),
    }),
    row('patch', 'patch-radio', '并接 VHF 1', 'Patch VHF 1', ['incident'], 'done', '03:05:03', {
      endedAt: at('03:05:03') + 300,
      summary: name('6 台电台 · 优先 2', '6 radios · priority 2'),
    }),
    row('video', 'ask-video', '请求现场视频', 'Ask for video', ['incident'], 'running', '03:06:07', {
      progress: 0.5,
      summary: name('直播 1/2 · 链接已发 2', '1/2 live · 2 links sent'),
    }),
    row('wait', 'wait', '等待', 'Wait', ['conference', 'announce', 'texts', 'patch', 'video'], 'waiting', '', {
      summary: name('10 分钟或坝前 ≥ 119.00 m', '10 min or dam ≥ 119.00 m'),
    }),
    row('ask', 'ask-dispatcher', '询问调度员', 'Ask dispatcher', ['wait'], 'waiting', '', {
      summary: name('是否启动下游转移？', 'Start Move downstream?'),
      question: {
        text: name(
          '是否启动「下游转移」：石桥、东沙 412 户。',
          'Start Move downstream: 412 households in Shiqiao and Dongsha?',
        ),
        choices: [
          { id: 'yes', name: name('启动下游转移', 'Start Move downstream') },
          { id: 'no', name: name('结束并归档', 'End and file') },
        ],
        answerBy: at('03:15:02'),
      },
    }),
  ];
}

type Cell = [channel: LedgerRow['channel'], state: LedgerState, time: string, detail?: string, attempts?: number];
const LEDGER: [person: string, ...Cell[]][] = [
  ['he-jianjun', ['voice', 'refused', '03:10:58', '2 次', 2], ['sms', 'failed', '03:05:04', '空号']],
  ['lin-xiuying', ['voice', 'voicemail', '03:12:33', '→ 代理人 1/2', 1], ['sms', 'sent', '03:05:03']],
  ['sun-liping', ['voice', 'rung', '03:12:33', '第 3 次', 3], ['sms', 'delivered', '03:05:05', '未读']],
  [
    'wang-jianguo',
    ['voice', 'joined', '03:05:09'],
    ['sms', 'delivered', '03:05:04'],
    ['radio', 'confirmed', '03:05:40', '在守'],
    ['video', 'joined', '03:06:35', '直播'],
  ],
  [
    'li-weidong',
    ['voice', 'unanswered', '03:05:32', '改无线'],
    ['sms', 'delivered', '03:05:04'],
    ['radio', 'confirmed', '03:05:41', '已应答'],
    ['video', 'queued', '03:06:31', '请求中'],
  ],
  ['zhao-guodong', ['voice', 'joined', '03:05:30'], ['sms', 'delivered', '03:05:04']],
  ['zhang-haiyan', ['voice', 'joined', '03:05:21'], ['sms', 'delivered', '03:05:04']],
  ['zhao-liqun', ['voice', 'confirmed', '03:05:44', '未入会'], ['sms', 'delivered', '03:05:04']],
  ['luo-jia', ['voice', 'joined', '03:12:01'], ['sms', 'delivered', '03:05:05']],
  ['ma-zhiqiang', ['voice', 'joined', '03:05:59'], ['sms', 'delivered', '03:05:04']],
  ['yang-fan', ['voice', 'joined', '03:07:45'], ['sms', 'delivered', '03:05:06']],
  ['cai-wenbin', ['voice', 'joined', '03:06:32'], ['sms', 'delivered', '03:05:06']],
  ...Array.from({ length: 11 }, (_, i): [string, ...Cell[]] => [
    `villager-${i + 20}`,
    ['voice', i % 6 === 5 ? 'answered' : 'confirmed', '03:05:50'],
    ['sms', 'delivered', '03:05:06'],
  ]),
];

function ledger(): LedgerRow[] {
  return LEDGER.flatMap(([person, ...cells]) =>
    cells.map(([channel, state, time, detail, attempts]) => ({
      id: `${person}-${channel}`,
      run: 'run-flood',
      step: channel === 'sms' ? 'texts' : channel === 'video' ? 'video' : channel === 'radio' ? 'patch' : 'conference',
      person,
      channel,
      state,
      at: at(time),
      attempts: attempts ?? 1,
      ...(detail ? { detail } : {}),
      history: [
        { state: 'queued' as const, at: at('03:05:02') },
        { state: 'rung' as const, at: at('03:05:04') },
        { state, at: at(time) },
      ],
    })),
  );
}

function run(): RunView {
  return {
    id: 'run-flood',
    plan: 'flood-level-1',
    planName: name('一级防汛响应', 'Flood level 1'),
    planVersion: '7',
    isDrill: false,
    state: 'running',
    startedBy: 'dispatcher',
    startedAt: at('03:05:02'),
    incident: 'incident-0412',
    alarm: 'alarm-dam',
    conference: 'conference-8001',
    steps: steps(),
    ledger: ledger(),
    figures: { firstInviteMs: 210, firstAnnouncementMs: 340, allDialledMs: 1640 },
  };
}

type Party = [
  person: string,
  role: string,
  bearer: ParticipantView['bearer'],
  number: string,
  state: ParticipantView['state'],
  since: string,
  more?: Partial<ParticipantView>,
];
const PARTIES: Party[] = [
  ['sun-liping', '副县长', 'mobile', '13900001188', 'ringing', '03:12:33', { attempts: 3 }],
  ['he-jianjun', '石桥村支书', 'desk', '6012', 'refused', '03:10:58'],
  ['lin-xiuying', '卫健局 值班', 'mobile', '13700002204', 'voicemail', '03:12:33'],
  [
    'wang-jianguo',
    '抢险一组 组长',
    'field',
    '外场手机 · 主坝右岸',
    'in',
    '03:05:09',
    { isSpeaking: true, kind: 'field', feed: 'feed-wang' },
  ],
  ['zhou-ming', '坐席 03', 'browser', '1003', 'in', '03:05:15', { isChair: true, kind: 'seat' }],
  ['zhao-guodong', '水利局 局长', 'mobile', '13800006621', 'in', '03:05:36'],
  ['zhang-haiyan', '防办 主任', 'desk', '1006', 'in', '03:05:27'],
  ['ma-zhiqiang', '应急局 值班', 'desk', '5302', 'in', '03:05:59', { isMuted: true, handUpSince: at('03:12:10') }],
  ['luo-jia', '气象台 预报员', 'desk', '5418', 'held', '03:12:01'],
  ['yang-fan', '水文站 石桥', 'satellite', '881600041', 'in', '03:07:45', { isMuted: true }],
  ['cai-wenbin', '电力抢修', 'mobile', '13500009037', 'in', '03:06:32'],
];

function conference(): ConferenceView {
  const site = fakeSite();
  const people = new Map(site.people.map((one) => [one.id, one]));
  return {
    id: 'conference-8001',
    number: '8001',
    name: name('一级防汛响应 会商', 'Flood level 1'),
    run: 'run-flood',
    incident: 'incident-0412',
    openedAt: at('03:05:15'),
    isLocked: false,
    isRecording: true,
    isMutedAll: false,
    isDrill: false,
    participants: [
      ...PARTIES.map(([person, role, bearer, number, state, since, more]): ParticipantView => ({
        id: `party-${person}`,
        kind: 'person',
        person,
        name: people.get(person)?.name ?? name(person, person),
        role,
        number,
        bearer,
        state,
        stateSince: at(since),
        attempts: 1,
        isChair: false,
        isMuted: false,
        isSpeaking: false,
        ...more,
      })),
      {
        id: 'party-vhf-1',
        kind: 'channel',
        channel: 'vhf-1',
        name: name('VHF 1 防汛指挥', 'VHF 1 Flood'),
        role: '',
        number: '',
        bearer: 'radio',
        state: 'in',
        stateSince: at('03:05:16'),
        attempts: 1,
        isChair: false,
        isMuted: false,
        isSpeaking: false,
      },
    ],
  };
}

function phones(): PhoneView[] {
  const rows: [id: string, zh: string, en: string, state: PhoneView['state'], more?: Partial<PhoneView>][] = [
    ['1001', '马志强', 'Ma Zhiqiang', 'talking', { other: '6012', since: at('03:09:12') }],
    ['1002', '罗佳', 'Luo Jia', 'held', { other: '8001', since: at('03:12:01') }],
    ['1003', '周明', 'Zhou Ming', 'talking', { other: '8001', since: at('03:05:15') }],
    ['1004', '陈思远', 'Chen Siyuan', 'idle', { forwardsTo: '913905718801' }],
    ['1005', '吴晓梅', 'Wu Xiaomei', 'idle'],
    ['1006', '张海燕', 'Zhang Haiyan', 'talking', { other: '8001', since: at('03:05:27') }],
    ['1007', '冯涛', 'Feng Tao', 'idle', { doNotDisturb: true }],
    ['1008', '邓亮', 'Deng Liang', 'unregistered'],
    ['1009', '值班室', 'Duty room', 'ringing', { other: '13800001111', since: at('03:12:40') }],
  ];
  return rows.map(([id, zh, en, state, more]) => ({
    id,
    name: name(zh, en),
    state,
    since: at('00:00:00'),
    doNotDisturb: false,
    ...more,
  }));
}

function orders(): OrderView[] {
  const row = (person: string, state: OrderRow['state'], time: string, rung: OrderRow['rung']): OrderRow => ({
    person,
    state,
    at: at(time),
    ...(rung ? { rung } : {}),
    history: [],
  });
  return [
    {
      ...{ id: '1', code: '7K3Q', level: 1, action: 'evacuate', where: '石桥村', words: '老人孩子先走，走东山路' },
      ...{ at: at('03:10:20'), by: 'dispatcher' },
      rows: [
        row('he-jianjun', 'trying', '03:12:21', 'burst'),
        row('lin-xiuying', 'received', '03:11:02', 'sms'),
        row('li-weidong', 'received', '03:10:41', 'ip'),
        row('gao-xiang', 'done', '03:12:30', 'pstn'),
      ],
    },
    {
      ...{ id: '2', code: '91FA', level: 3, action: 'patrol', where: '主坝右岸', words: '' },
      ...{ at: at('02:40:00'), by: 'dispatcher' },
      rows: [row('wang-jianguo', 'done', '02:58:12', 'ip'), row('deng-liang', 'not-reached', '02:52:40', undefined)],
    },
  ];
}

/** Calls of others, for those who watch over them. */
function houseCalls(): CallView[] {
  return [
    {
      id: 'call-committee',
      kind: 'two-party',
      from: { number: '1001', name: name('马志强', 'Ma Zhiqiang'), person: 'ma-zhiqiang' },
      to: { number: '6012', name: name('何建军', 'He Jianjun'), person: 'he-jianjun' },
      state: 'answered',
      startedAt: at('03:09:02'),
      answeredAt: at('03:09:12'),
      trunk: 'carrier',
      endsAt: at('03:14:12'),
      isRecording: true,
    },
    {
      id: 'call-duty-room',
      kind: 'two-party',
      from: { number: '13800001111' },
      to: { number: '1009', name: name('值班室', 'Duty room') },
      state: 'ringing',
      startedAt: at('03:12:40'),
      trunk: 'carrier',
      isRecording: false,
    },
  ];
}

function supervisions(): SupervisionView[] {
  return [
    {
      id: 'supervision-1',
      mode: 'listen',
      by: 'dispatcher',
      name: name('周明', 'Zhou Ming'),
      number: '1003',
      call: 'call-committee',
      title: '1001 – 6012',
      since: at('03:11:40'),
    },
  ];
}

function presence(): PresenceView[] {
  const states: [id: string, state: PresenceView['state'], since: string][] = [
    ['wang-jianguo', 'speaking', '03:12:38'],
    ['zhao-guodong', 'in', '03:05:36'],
    ['zhang-haiyan', 'in', '03:05:27'],
    ['sun-liping', 'ringing', '03:12:33'],
    ['he-jianjun', 'refused', '03:10:58'],
    ['ma-zhiqiang', 'in', '03:05:59'],
    ['luo-jia', 'held', '03:12:01'],
    ['yang-fan', 'in', '03:07:45'],
    ['cai-wenbin', 'in', '03:06:32'],
    ['lin-xiuying', 'dialling', '03:12:33'],
    ['feng-tao', 'busy', '03:01:00'],
    ['han-xue', 'away', '00:00:00'],
    ['deng-liang', 'unregistered', '00:00:00'],
    ['liu-guifang', 'ringing', '03:12:33'],
  ];
  const known = new Map(states.map((row) => [row[0], row]));
  const places: Record<string, [number, number]> = {
    'wang-jianguo': [470, 366],
    'li-weidong': [700, 456],
    'gao-xiang': [524, 242],
    'xu-jing': [930, 512],
    'zhou-xiaolan': [744, 356],
  };
  return fakeSite().people.map(({ id }) => {
    const row = known.get(id);
    const place = places[id];
    return {
      id,
      state: row?.[1] ?? 'idle',
      since: at(row?.[2] ?? '00:00:00'),
      ...(id === 'han-xue' ? { deputy: 'wu-xiaomei' } : {}),
      ...(place ? { location: { ...placeAt(...place), accuracyMetres: 8, atMs: at('03:12:35') } } : {}),
    };
  });
}

function zones(other: Record<string, ZoneView['state']> = {}): ZoneView[] {
  return fakeSite().zones.map(({ id, horns }) => {
    const state = other[id] ?? 'idle';
    return {
      id,
      state,
      since: state === 'playing' ? at('03:12:05') : at('03:10:37'),
      hornsTotal: horns,
      ...(state === 'playing' ? { hornsPlaying: horns, announcement: '一级防汛响应 第 3 遍' } : {}),
      ...(state === 'part-silent' ? { hornsPlaying: 4 } : {}),
    };
  });
}

function channels(): ChannelView[] {
  return [
    {
      id: 'vhf-1',
      state: 'idle',
      since: at('03:08:50'),
      talker: '2103',
      conference: 'conference-8001',
      bearer: 'vhf-uhf',
      queue: [],
      linkQualityPercent: 96,
      oneWayDelayMs: 60,
    },
    {
      id: 'tg-801',
      state: 'transmitting',
      since: at('03:12:43'),
      talker: '周明',
      holder: 'dispatcher',
      bearer: 'trunked',
      queue: [],
      oneWayDelayMs: 250,
    },
    {
      id: 'hf-5110',
      state: 'idle',
      since: at('00:00:00'),
      bearer: 'hf',
      queue: [],
      linkQualityPercent: 54,
      oneWayDelayMs: 120,
    },
    { id: 'sat-1', state: 'down', since: at('03:11:27'), bearer: 'satellite', queue: [], oneWayDelayMs: 600 },
  ];
}

let sequence = 0;
function entry(
  time: string,
  kind: string,
  data: Record<string, unknown>,
  more: Partial<TimelineEntry> = {},
): TimelineEntry {
  sequence += 1;
  return {
    seq: sequence,
    id: `entry-${sequence}`,
    at: at(time),
    kind,
    incident: 'incident-0412',
    run: 'run-flood',
    isDrill: false,
    data,
    blobs: [],
    hash: `9f2c41d07be3a518${sequence.toString(16).padStart(8, '0')}`,
    previous: `c07a93ee15f46b2d${(sequence - 1).toString(16).padStart(8, '0')}`,
    ...more,
  };
}

function entries(): TimelineEntry[] {
  sequence = 0;
  const clip = (ms: number, n: number) => [
    { sha256: `${n}`.padStart(64, '0'), kind: 'audio' as const, ms, url: `/api/recordings/fake-${n}.wav` },
  ];
  return [
    entry('03:04:10', 'alarm.raised', { title: '坝前水位超汛限 0.92 m', level: 1 }, { alarm: 'alarm-dam' }),
    entry(
      '03:04:20',
      'alarm.acknowledged',
      { title: '坝前水位超汛限 0.92 m' },
      { actor: 'dispatcher', alarm: 'alarm-dam' },
    ),
    entry('03:05:02', 'plan.started', { plan: '一级防汛响应', version: '7' }, { actor: 'dispatcher' }),
    entry('03:05:03', 'text.submitted', { count: 23 }),
    entry('03:05:15', 'conference.opened', { number: '8001' }, { call: 'conference-8001', blobs: clip(460_000, 1) }),
    entry('03:05:44', 'plan.person-confirmed', { digit: '1' }, { person: 'zhao-liqun' }),
    entry('03:06:35', 'feed.live', { place: '主坝右岸' }, { person: 'wang-jianguo' }),
    entry('03:08:33', 'channel.spoke', { channel: 'vhf-1', talker: '李卫东 2103' }, { blobs: clip(17_000, 2) }),
    entry('03:10:37', 'alarm.raised', { title: '柳树坪 2 只广播静默', level: 3 }, { alarm: 'alarm-horns' }),
    entry('03:10:58', 'call.refused', {}, { person: 'he-jianjun' }),
    entry('03:11:41', 'alarm.raised', { title: '石桥站水位超警戒 0.02 m', level: 2 }, { alarm: 'alarm-shiqiao' }),
    entry('03:12:01', 'call.held', {}, { person: 'luo-jia', actor: 'dispatcher' }),
    entry('03:12:05', 'announcement.started', { zones: ['dam', 'below-dam', 'shiqiao'], round: 3 }),
    entry(
      '03:12:26',
      'alarm.raised',
      { title: '一键报警 · 刘桂芳', level: 1 },
      { alarm: 'alarm-one-key', run: 'run-one-key', person: 'liu-guifang' },
    ),
    entry('03:12:33', 'call.voicemail', { next: '代理人' }, { person: 'lin-xiuying' }),
    entry('03:12:43', 'channel.floor-granted', { channel: 'tg-801' }, { actor: 'dispatcher' }),
  ];
}

function empty(): Story {
  const told = desk();
  return {
    ...told,
    serverTime: at('09:00:14'),
    entries: [],
    live: {
      ...told.live,
      system: [
        {
          id: 'system',
          mode: 'peace',
          isDrill: false,
          startedAt: at('08:59:40'),
          preparing: [{ what: name('浏览器话机与视频', 'Browser phone and video'), done: 162, total: 262 }],
          isDemo: true,
          simulators: true,
        },
      ],
      links: links(),
      plans: plans()
        .filter(({ id }) => ['flood-level-1', 'dam-breach', 'one-key-alarm'].includes(id))
        .map((plan, i) => ({ ...plan, button: i + 1 })),
      alarms: [],
      incidents: [],
      runs: [],
      conferences: [],
      calls: [],
      orders: [],
      supervisions: [],
      phones: [],
      bookings: [],
      presence: told.live.presence.map((one) =>
        one.state === 'away' || one.state === 'unregistered' ? one : { ...one, state: 'idle' as const },
      ),
      zones: zones(),
      channels: told.live.channels.map(({ id, bearer, oneWayDelayMs }) => ({
        id,
        bearer,
        queue: [],
        oneWayDelayMs,
        state: 'idle' as const,
        since: at('08:59:40'),
      })),
      gauges: told.live.gauges.map(({ over: _, ...one }) => ({
        ...one,
        value:
          one.id === 'dam-level'
            ? 116.08
            : one.id === 'shiqiao-level'
              ? 41.2
              : one.id.endsWith('rain')
                ? 0
                : (one.value ?? 0),
        trend: 'steady' as const,
      })),
      shelves: [],
      feeds: [],
      threads: [],
      gateways: [],
      checks: [],
    },
  };
}

function drill(): Story {
  const told = desk();
  return {
    ...told,
    live: {
      ...told.live,
      system: told.live.system.map((one) => ({ ...one, isDrill: true })),
      runs: told.live.runs.map((one) => ({ ...one, isDrill: true })),
      conferences: told.live.conferences.map((one) => ({ ...one, isDrill: true })),
      incidents: told.live.incidents.map((one, i) => ({ ...one, isDrill: i === 0 })),
    },
  };
}

/** 200 in one conference and 400 people: what rendering must bear. */
function crowd(): Story {
  const told = desk();
  const site = fakeSite(400);
  const [main] = told.live.conferences;
  const parties = site.people.slice(0, 200).map((person, i): ParticipantView => ({
    id: `crowd-${person.id}`,
    kind: 'person',
    person: person.id,
    name: person.name,
    role: person.title,
    number: person.numbers[0]?.dial ?? '',
    bearer: 'mobile',
    state: i % 11 === 0 ? 'ringing' : i % 17 === 0 ? 'unanswered' : 'in',
    stateSince: at('03:05:30'),
    attempts: 1,
    isChair: false,
    isMuted: i % 5 === 0,
    isSpeaking: i === 30 || i === 60,
  }));
  return {
    ...told,
    site,
    live: {
      ...told.live,
      conferences: main ? [{ ...main, participants: parties }] : [],
      presence: site.people.map(({ id }, i) => ({ id, state: i % 3 === 0 ? 'in' : 'idle', since: at('03:05:30') })),
    },
  };
}

/** The one-key alarm is taken: the dispatcher speaks with her, three are called in parallel. */
function alarmTaken(): Story {
  const told = desk();
  const step = (
    id: string,
    zh: string,
    en: string,
    state: StepView['state'],
    more: Partial<StepView>,
    after: string[] = [],
  ): StepView => ({ id, kind: 'workflow', name: name(zh, en), after, state, ...more });
  const row = (
    person: string,
    state: LedgerState,
    time: string,
    attempts: number,
    history: [LedgerState, string][],
    detail?: string,
  ): LedgerRow => ({
    id: `one-key-${person}`,
    run: 'run-one-key',
    step: 'call-three',
    person,
    channel: 'voice',
    state,
    at: at(time),
    attempts,
    ...(detail ? { detail } : {}),
    history: history.map(([one, when]) => ({ state: one, at: at(when) })),
  });
  const oneKey: RunView = {
    id: 'run-one-key',
    plan: 'one-key-alarm',
    planName: name('一键报警处置', 'One-key alarm'),
    planVersion: '3',
    isDrill: false,
    state: 'running',
    startedBy: 'system',
    startedAt: at('03:12:26'),
    alarm: 'alarm-one-key',
    steps: [
      step('call-back', '回拨老人', 'Call her back', 'done', {
        startedAt: at('03:12:26'),
        endedAt: at('03:12:34'),
        summary: name('设备免提已接通', 'Hands-free connected'),
      }),
      step(
        'call-three',
        '并行呼叫三方',
        'Call three in parallel',
        'done',
        {
          startedAt: at('03:12:26'),
          endedAt: at('03:12:35'),
          summary: name('家属、村委、120 同时呼出', 'Family, committee, 120 called'),
        },
        ['call-back'],
      ),
      step(
        'wait-one',
        '等一方确认到场',
        'Wait for one to confirm',
        'running',
        {
          startedAt: at('03:12:35'),
          progress: 0.61,
          summary: name('120 已按 1，等 1 位能最先到的人', '120 confirmed; waiting for the nearest'),
        },
        ['call-three'],
      ),
      step(
        'send-file',
        '病历表送 120',
        'Send file to 120',
        'waiting',
        { summary: name('已备好，确认后自动发送', 'Ready; sent once confirmed') },
        ['wait-one'],
      ),
      step(
        'arrived',
        '到场反馈',
        'Report of arrival',
        'waiting',
        { summary: name('到场人按 2 或坐席登记', 'Press 2 on site, or note it here') },
        ['send-file'],
      ),
      step(
        'close',
        '结案与回访',
        'Close and follow up',
        'waiting',
        { summary: name('写结果，3 日内回访', 'Write the result; visit in 3 days') },
        ['arrived'],
      ),
    ],
    ledger: [
      row(
        'chen-jianping',
        'rung',
        '03:13:10',
        2,
        [
          ['queued', '03:12:35'],
          ['unanswered', '03:13:10'],
          ['rung', '03:13:10'],
        ],
        '第 1 次未接',
      ),
      row('zhao-liqun', 'answered', '03:13:29', 1, [
        ['queued', '03:12:35'],
        ['rung', '03:12:38'],
        ['answered', '03:13:29'],
      ]),
      row(
        'xu-jing',
        'confirmed',
        '03:13:26',
        1,
        [
          ['queued', '03:12:35'],
          ['rung', '03:12:36'],
          ['answered', '03:12:50'],
          ['confirmed', '03:13:26'],
        ],
        '预计 9 分到场',
      ),
    ],
    figures: { firstInviteMs: 180 },
  };
  return {
    ...told,
    serverTime: at('03:13:48'),
    entries: [
      ...told.entries,
      entry(
        '03:12:34',
        'alarm.acknowledged',
        { title: '一键报警 · 刘桂芳' },
        { actor: 'dispatcher', alarm: 'alarm-one-key', run: 'run-one-key' },
      ),
      entry('03:12:35', 'plan.step-started', { step: '并行呼叫三方' }, { alarm: 'alarm-one-key', run: 'run-one-key' }),
      entry('03:12:36', 'text.delivered', { count: 3 }, { alarm: 'alarm-one-key', run: 'run-one-key' }),
      entry(
        '03:13:10',
        'call.unanswered',
        { attempt: 1 },
        { alarm: 'alarm-one-key', run: 'run-one-key', person: 'chen-jianping' },
      ),
      entry(
        '03:13:26',
        'plan.person-confirmed',
        { digit: '1', detail: '预计 9 分' },
        { alarm: 'alarm-one-key', run: 'run-one-key', person: 'xu-jing' },
      ),
      entry('03:13:29', 'call.answered', {}, { alarm: 'alarm-one-key', run: 'run-one-key', person: 'zhao-liqun' }),
    ],
    live: {
      ...told.live,
      alarms: told.live.alarms.map((one) =>
        one.id === 'alarm-one-key'
          ? {
              ...one,
              state: 'acknowledged' as const,
              acknowledgedBy: 'dispatcher',
              acknowledgedAt: at('03:12:34'),
              doing: name('120 已确认 · 家属振铃 · 村委接听', '120 confirmed · family ringing · committee answered'),
            }
          : one,
      ),
      runs: [...told.live.runs, oneKey],
      calls: told.live.calls
        .toReversed()
        .map((one) =>
          one.id === 'call-one-key'
            ? { ...one, state: 'answered' as const, answeredAt: at('03:12:34'), isRecording: true }
            : { ...one, state: 'held' as const },
        ),
    },
  };
}

/** Ten cards that each stand for many signals. */
function flood(): Story {
  const told = desk();
  const [first] = told.live.alarms;
  return {
    ...told,
    live: {
      ...told.live,
      alarms: first
        ? Array.from({ length: 10 }, (_, i) => ({
            ...first,
            id: `flood-${i}`,
            level: ((i % 4) + 1) as 1 | 2 | 3 | 4,
            title: name(`石桥村 ${i + 1} 组 一键报警`, `Shiqiao group ${i + 1}`),
            raisedAt: at('03:12:26') - i * 31_000,
            count: 1000 - i * 7,
          }))
        : [],
    },
  };
}
