import { CallFeatures } from '@tocsin/protocol/features.ts';
import type { Me, SiteView } from '@tocsin/protocol/console.ts';
import type { Person, PhoneNumber, Right } from '@tocsin/protocol/directory.ts';
import { placeAt } from './base-map.mjs';

/** The fictional reservoir of the pictures: who and what there is. */

const RIGHTS: Right[] = [
  'view',
  'call',
  'page',
  'text',
  'talk',
  'watch',
  'alarm',
  'run-plan',
  'drill',
  'edit-plan',
  'view-care',
  'replay',
  'record',
  'delete-recording',
  'export',
];

export const ME: Me = {
  user: 'dispatcher',
  name: { zh: '周明', en: 'Zhou Ming' },
  role: 'dispatcher',
  rights: RIGHTS,
  organisation: 'centre',
  phone: { account: '1003', password: 'made-for-this-session', domain: 'tocsin', webSocketPath: '/sip' },
};

const ORGANISATIONS: [id: string, zh: string, en: string][] = [
  ['centre', '岚溪水库防汛指挥中心', 'Lanxi Reservoir flood command'],
  ['rescue-1', '抢险一组', 'Rescue 1'],
  ['rescue-2', '抢险二组', 'Rescue 2'],
  ['water-bureau', '水利局', 'Water bureau'],
  ['flood-office', '防办', 'Flood office'],
  ['county', '县政府', 'County'],
  ['shiqiao', '石桥村', 'Shiqiao'],
  ['emergency-bureau', '应急局', 'Emergency bureau'],
  ['weather', '气象台', 'Weather station'],
  ['hydrology', '水文站', 'Hydrology'],
  ['power', '电力抢修', 'Power repair'],
  ['health', '卫健局', 'Health bureau'],
  ['fire', '消防救援', 'Fire and rescue'],
  ['ambulance', '120 调度', 'Ambulance'],
  ['shiqiao-committee', '石桥村委', 'Shiqiao committee'],
  ['dongsha', '东沙村', 'Dongsha'],
  ['nantang', '南塘村', 'Nantang'],
  ['hekou', '河口镇', 'Hekou'],
  ['traffic', '交警中队', 'Traffic police'],
];

type Row = [
  id: string,
  zh: string,
  en: string,
  title: string,
  organisation: string,
  kind: PhoneNumber['kind'],
  dial: string,
];
const PEOPLE: Row[] = [
  ['wang-jianguo', '王建国', 'Wang Jianguo', '组长', 'rescue-1', 'mobile', '13900002101'],
  ['zhao-guodong', '赵国栋', 'Zhao Guodong', '局长', 'water-bureau', 'mobile', '13800006621'],
  ['zhang-haiyan', '张海燕', 'Zhang Haiyan', '主任', 'flood-office', 'desk', '1006'],
  ['sun-liping', '孙立平', 'Sun Liping', '副县长', 'county', 'mobile', '13900001188'],
  ['he-jianjun', '何建军', 'He Jianjun', '村支书', 'shiqiao', 'desk', '6012'],
  ['ma-zhiqiang', '马志强', 'Ma Zhiqiang', '值班', 'emergency-bureau', 'desk', '5302'],
  ['luo-jia', '罗佳', 'Luo Jia', '预报员', 'weather', 'desk', '5418'],
  ['yang-fan', '杨帆', 'Yang Fan', '石桥站', 'hydrology', 'satellite', '881600041'],
  ['cai-wenbin', '蔡文斌', 'Cai Wenbin', '', 'power', 'mobile', '13500009037'],
  ['lin-xiuying', '林秀英', 'Lin Xiuying', '值班', 'health', 'mobile', '13700002204'],
  ['li-weidong', '李卫东', 'Li Weidong', '组长', 'rescue-2', 'mobile', '13900002103'],
  ['gao-xiang', '高翔', 'Gao Xiang', '', 'fire', 'mobile', '13900000119'],
  ['xu-jing', '许静', 'Xu Jing', '', 'ambulance', 'desk', '120'],
  ['zhao-liqun', '赵立群', 'Zhao Liqun', '主任', 'shiqiao-committee', 'desk', '6013'],
  ['feng-tao', '冯涛', 'Feng Tao', '', 'dongsha', 'mobile', '13900003301'],
  ['wu-xiaomei', '吴晓梅', 'Wu Xiaomei', '', 'nantang', 'mobile', '13900003302'],
  ['zheng-kai', '郑凯', 'Zheng Kai', '', 'hekou', 'mobile', '13900003303'],
  ['ding-yiming', '丁一鸣', 'Ding Yiming', '', 'traffic', 'mobile', '13900000122'],
  ['han-xue', '韩雪', 'Han Xue', '', 'nantang', 'mobile', '13900003304'],
  ['deng-liang', '邓亮', 'Deng Liang', '', 'centre', 'desk', '1012'],
  ['zhou-ming', '周明', 'Zhou Ming', '坐席 03', 'centre', 'desk', '1003'],
  ['chen-siyuan', '陈思远', 'Chen Siyuan', '坐席 02', 'centre', 'desk', '1002'],
  ['liu-guifang', '刘桂芳', 'Liu Guifang', '', 'shiqiao', 'home', '057100000417'],
  ['chen-jianping', '陈建平', 'Chen Jianping', '儿子', 'shiqiao', 'mobile', '13800004471'],
  ['chen-xiaoqin', '陈小琴', 'Chen Xiaoqin', '女儿', 'shiqiao', 'mobile', '13800004472'],
  ['zhou-xiaolan', '周小兰', 'Zhou Xiaolan', '网格员', 'shiqiao', 'mobile', '13800004473'],
];
const SURNAMES = '王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗'.split('');
const GIVEN = '伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚'.split('');

/** Enough others that a list is a list: `count` people of the villages. */
function villagers(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => [
    `villager-${i + 1}`,
    `${SURNAMES[i % 20]}${GIVEN[(i * 7) % 20]}${GIVEN[(i * 3 + Math.floor(i / 20)) % 20]}`,
    `Villager ${i + 1}`,
    '村民组长',
    ['shiqiao', 'dongsha', 'nantang', 'hekou'][i % 4] as string,
    'mobile',
    `136${String(10_000_000 + i * 137)}`,
  ]);
}

function person([id, zh, en, title, organisation, kind, dial]: Row): Person {
  return { id, name: { zh, en }, title, organisation, numbers: [{ kind, dial }], deputies: [] };
}

const outline = (points: [number, number][]) => points.map(([x, y]) => placeAt(x, y));
type Points = [number, number][];
const ZONES: [id: string, zh: string, en: string, horns: number, outline: Points][] = [
  [
    'dam',
    '主坝',
    'Main dam',
    6,
    [
      [486, 276],
      [506, 292],
      [472, 412],
      [440, 404],
    ],
  ],
  [
    'below-dam',
    '坝下',
    'Below dam',
    6,
    [
      [538, 318],
      [638, 290],
      [648, 330],
      [556, 358],
    ],
  ],
  [
    'shiqiao',
    '石桥',
    'Shiqiao',
    8,
    [
      [662, 322],
      [770, 378],
      [744, 412],
      [650, 372],
    ],
  ],
  [
    'liushuping',
    '柳树坪',
    'Liushuping',
    6,
    [
      [494, 446],
      [708, 440],
      [702, 496],
      [494, 486],
    ],
  ],
  [
    'dongsha',
    '东沙',
    'Dongsha',
    6,
    [
      [798, 430],
      [914, 444],
      [908, 488],
      [792, 472],
    ],
  ],
  [
    'nantang',
    '南塘',
    'Nantang',
    8,
    [
      [752, 568],
      [934, 598],
      [926, 636],
      [750, 606],
    ],
  ],
  [
    'hekou',
    '河口',
    'Hekou',
    10,
    [
      [966, 470],
      [1100, 482],
      [1098, 524],
      [966, 516],
    ],
  ],
  [
    'office',
    '管理处',
    'Office',
    4,
    [
      [548, 258],
      [584, 262],
      [580, 288],
      [544, 284],
    ],
  ],
];

export function fakeSite(morePeople = 120): SiteView {
  const known = PEOPLE.map(person);
  const others = villagers(morePeople).map(person);
  const han = known.find(({ id }) => id === 'han-xue');
  if (han) {
    han.absence = { reason: '请假' };
    han.deputies = ['wu-xiaomei'];
  }
  const keys = PEOPLE.slice(0, 20).map(([id]) => id);
  return {
    id: 'lanxi',
    users: [],
    name: { zh: '岚溪水库防汛指挥中心', en: 'Lanxi Reservoir Flood Command' },
    centre: placeAt(560, 352),
    zoom: 15,
    baseMap: 'base-map.geojson',
    organisations: ORGANISATIONS.map(([id, zh, en]) => ({
      id,
      name: { zh, en },
      ...(id === 'centre' ? {} : { parent: 'centre' }),
    })),
    roles: [{ id: 'dispatcher', name: { zh: '调度员', en: 'Dispatcher' }, rank: 1, rights: RIGHTS }],
    people: [...known, ...others],
    groups: [
      { id: 'command', name: { zh: '指挥部', en: 'Command' }, people: keys },
      { id: 'task-force', name: { zh: '应急小组', en: 'Task force' }, people: keys.slice(0, 12) },
      {
        id: 'rescue',
        name: { zh: '抢险队', en: 'Rescue' },
        people: ['wang-jianguo', 'li-weidong', 'gao-xiang', ...others.slice(0, 15).map(({ id }) => id)],
      },
      { id: 'villages', name: { zh: '村组长', en: 'Villages' }, people: others.slice(15, 38).map(({ id }) => id) },
      { id: 'medical', name: { zh: '医疗', en: 'Medical' }, people: ['xu-jing', 'lin-xiuying'] },
      { id: 'everyone', name: { zh: '全体', en: 'Everyone' }, people: [...known, ...others].map(({ id }) => id) },
    ],
    trunks: [{ id: 'carrier', name: { zh: '运营商中继', en: 'Carrier trunk' }, bearer: 'pstn', lines: 30 }],
    huntGroups: [
      {
        number: '2000',
        name: { zh: '值班组', en: 'Duty group' },
        strategy: 'longest-idle',
        members: ['1004', '1005', '1007', '1009'],
        ringEachS: 15,
        totalS: 60,
      },
    ],
    rooms: [{ number: '8001', name: { zh: '会商一', en: 'Room 1' }, tones: false }],
    zones: ZONES.map(([id, zh, en, horns, points]) => ({
      id,
      name: { zh, en },
      organisation: 'centre',
      reach: { kind: 'gateway' as const, gateway: 'pa' },
      horns,
      bearer: 'ip' as const,
      outline: outline(points),
    })),
    channels: [
      {
        id: 'vhf-1',
        name: { zh: 'VHF 1 防汛指挥', en: 'VHF 1 Flood' },
        organisation: 'centre',
        gateway: 'radio',
        bearer: 'vhf-uhf',
        location: placeAt(610, 190),
        coverageMetres: 2200,
      },
      {
        id: 'tg-801',
        name: { zh: '通话组 801 抢险', en: 'TG 801 Rescue' },
        organisation: 'centre',
        gateway: 'radio',
        bearer: 'trunked',
      },
      {
        id: 'hf-5110',
        name: { zh: 'HF 5.110 边远', en: 'HF 5.110 Remote' },
        organisation: 'centre',
        gateway: 'radio',
        bearer: 'hf',
      },
      {
        id: 'sat-1',
        name: { zh: '卫星 天通 1', en: 'Satellite 1' },
        organisation: 'centre',
        gateway: 'sat',
        bearer: 'satellite',
      },
    ],
    gaugeRules: [],
    gauges: [
      gauge('dam-level', '坝前水位', 'Dam level', 'water-level', 'm', 452, 306, 117.5),
      gauge('shiqiao-level', '石桥站', 'Shiqiao', 'water-level', 'm', 676, 402, 42.5),
      gauge('dongsha-level', '东沙站', 'Dongsha', 'water-level', 'm', 862, 520, 39),
      gauge('hekou-level', '河口站', 'Hekou', 'water-level', 'm', 1010, 560, 37),
      gauge('landing-rain', '岚顶雨量 3 h', 'Landing rain 3 h', 'rainfall', 'mm', 372, 72, 60),
      gauge('kuwei-rain', '库尾雨量 3 h', 'Kuwei rain 3 h', 'rainfall', 'mm', 196, 262, 60),
    ],
    devices: [
      ['EK-0417', '刘桂芳 一键通', 'Liu Guifang one-key', 730, 384, 'liu-guifang'],
      ['EK-0406', '石桥 06 号', 'Shiqiao 06', 700, 368, 'chen-jianping'],
    ].map(([id, zh, en, x, y, owner]) => ({
      id: id as string,
      name: { zh: zh as string, en: en as string },
      organisation: 'shiqiao',
      person: owner as string,
      callBack: '057100000417',
      location: placeAt(x as number, y as number),
      plan: 'one-key-alarm',
      silentAfterS: 3600,
    })),
    features: CallFeatures.parse({}),
    planButtons: [
      'flood-level-1',
      'move-downstream',
      'dam-breach',
      'one-key-alarm',
      'power-supply',
      'satellite-villages',
    ],
    textTemplates: [],
    zoneGroups: [],
    cameras: [],
    sounds: [],
  };
}

function gauge(
  id: string,
  zh: string,
  en: string,
  measures: 'water-level' | 'rainfall',
  unit: string,
  x: number,
  y: number,
  above: number,
) {
  return {
    id,
    name: { zh, en },
    organisation: 'centre',
    measures,
    unit,
    location: placeAt(x, y),
    thresholds: [{ level: 1 as const, above }],
  };
}

/** Of the pictures: what only `care.view` shows. */
export const CARE = {
  person: 'liu-guifang',
  care: {
    birthYear: 1948,
    gender: 'female' as const,
    address: '岚溪县石桥村 12 号',
    livesAlone: true,
    conditions: '高血压 3 级、冠心病',
    allergies: '青霉素',
    medication: '硝苯地平 30 mg 早、阿司匹林 100 mg 晚',
    bloodGroup: 'A 型 Rh 阳性',
    mobility: '拄拐，听力弱，请大声慢说',
    dwelling: '平房，院门未锁，屋内一层',
    hospital: '县第一人民医院 · 病历 20113',
    keyHolder: '邻居 吴阿婆 11 号',
    history: '本年 2 次：跌倒 3 月，误触 8 月',
    contacts: [
      { person: 'chen-jianping', relation: '儿子 县城 6 km' },
      { person: 'zhao-liqun', relation: '石桥村委' },
      { person: 'chen-xiaoqin', relation: '女儿 外地' },
      { person: 'zhou-xiaolan', relation: '网格员 0.2 km' },
    ],
  },
};
