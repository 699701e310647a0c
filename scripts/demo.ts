// npm run demo [-- --real --pace 2 --language zh --user dispatcher --data DIR]: plays a story against the running demo site at
// human speed, over REST as any script could. Someone presses a one-key device, the desk takes the alarm, starts
// flood-level-1 (a drill unless --real), answers its question, asks for video, and stops. Open the console beside it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Command } from '@tocsin/protocol/console.ts';
import type { Name } from '@tocsin/protocol/common.ts';
import type { LedgerRow, RunView, StepState, TimelineEntry } from '@tocsin/protocol/views.ts';
import { ROOT } from './root.ts';

const PLAN = 'flood-level-1';
const DEVICE = 'ek-0417';
/** Who is asked for video by hand. */
const FIELD_PERSON = 'lu-yong';

const LIMITS_MS = {
  /** An answer of the server. */
  request: 15_000,
  /** From the key to the alarm on the timeline. */
  alarm: 20_000,
  /** The run is watched for this long, then stopped. Times the pace. */
  run: 75_000,
  /** Whatever happens, the story is over. Times the pace. */
  story: 240_000,
} as const;
const LOOK_EVERY_MS = 1000;

const STEP_WORDS: Record<StepState, [zh: string, en: string]> = {
  waiting: ['等待', 'waiting'],
  running: ['开始', 'begins'],
  done: ['完成', 'done'],
  failed: ['失败', 'failed'],
  skipped: ['跳过', 'skipped'],
};

const { values: options } = parseArgs({
  options: {
    real: { type: 'boolean', default: false },
    pace: { type: 'string', default: '1' },
    language: { type: 'string', default: 'both' },
    user: { type: 'string', default: 'dispatcher' },
    data: { type: 'string', default: process.env.TOCSIN_DATA ?? join(ROOT, 'data') },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
/** 2 is half as fast, 0.5 twice as fast. */
const pace = Math.min(Math.max(Number(options.pace) || 1, 0.1), 5);

class CannotPlay extends Error {}

/** An answer that is no success. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

let http = '';
let token = '';
/** The run that is going on because of us: it must not go on without us. */
let ourRun: string | undefined;
let ourFeed: string | undefined;

if (options.help) {
  console.log(`npm run demo [-- options]
  --real           start the plan for real; without it, as a drill
  --pace 2         half as fast (0.1-5)
  --language zh    zh, en or both
  --user admin     who logs in; the password is TOCSIN_ADMIN_PASSWORD or asked for
  --data DIR       the running server's data folder (TOCSIN_DATA, ./data)`);
} else {
  const breakOff = (why: string) => {
    console.error(`\n${why}`);
    void stopOurRun().finally(() => process.exit(1));
  };
  const over = setTimeout(
    () => breakOff('演示超时，已结束  the story took too long and was ended'),
    LIMITS_MS.story * pace,
  );
  process.once('SIGINT', () => breakOff('演示中断，预案停止  broken off; the run is stopped'));
  try {
    await play();
  } catch (error) {
    if (error instanceof CannotPlay || error instanceof Refused) console.error(`\n${error.message}`);
    else console.error(error);
    process.exitCode = 1;
  } finally {
    clearTimeout(over);
  }
}

async function play(): Promise<void> {
  http = findServer();
  await logIn();
  try {
    await askHealth();
    const alarm = await pressKey();
    await takeAlarm(alarm);
    const run = await startPlan();
    await watch(run);
    await stop(run, alarm);
  } finally {
    await stopOurRun();
    await call('DELETE', '/api/session').catch(() => {});
  }
}

// --- the acts ---

async function logIn(): Promise<void> {
  const password = process.env.TOCSIN_ADMIN_PASSWORD ?? (await askPassword());
  const session = await call<{ token: string }>('POST', '/api/session', { username: options.user, password });
  token = session.token;
  say(`${options.user} 登录 ${http}`, `${options.user} logs in at ${http}`);
}

async function askHealth(): Promise<void> {
  const { parts } = await call<{ parts: Record<string, unknown> }>('GET', '/api/health');
  const ailing = Object.keys(parts).filter((name) => parts[name] !== 'ok');
  if (ailing.length === 0) say('各部分正常', 'every part is well');
  else say(`未就绪：${ailing.join(' ')}，照常演示`, `not ready: ${ailing.join(' ')}; the story goes on without`);
}

/** @returns the alarm's id */
async function pressKey(): Promise<string> {
  await pause(2);
  const from = Date.now() - 1000;
  await command({ do: 'demo.press-device', device: DEVICE }).catch((error: unknown) => {
    if (error instanceof Refused && (error.code === 'NOT_FOUND' || error.code === 'DEVICE_UNKNOWN'))
      throw new CannotPlay(
        '只能在演示站点上演示，未呼叫任何人\nthe story plays on the demo site with its simulators only; nobody was called',
      );
    throw error;
  });
  say('刘桂芳按下一键通', 'Liu Guifang presses her one-key device');
  const giveUpAt = Date.now() + LIMITS_MS.alarm;
  while (Date.now() < giveUpAt) {
    // A second press joins the card of the first, so both kinds of entry count.
    const entries = await call<TimelineEntry[]>('GET', `/api/timeline?kind=alarm.&from=${from}&order=newest-first`);
    const entry = entries.find(({ alarm, data }) => alarm !== undefined && data['device'] === DEVICE);
    if (entry) {
      say(`告警已上时间线 ${clock(entry.at)}`, `the alarm is on the timeline, ${clock(entry.at)}`);
      return entry.alarm!;
    }
    await sleep(200);
  }
  throw new CannotPlay('没有收到告警\nno alarm came; are the simulators running?');
}

async function takeAlarm(alarm: string): Promise<void> {
  await pause(4);
  const taken = await command({ do: 'alarm.acknowledge', alarm, callBack: false, runPlan: false }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Refused && error.code === 'ALARM_STATE') return false;
      throw error;
    },
  );
  if (taken) say('调度员受理告警', 'the dispatcher takes the alarm');
  else say('告警已被他人受理', 'someone has taken the alarm already');
}

/** @returns the run's id */
async function startPlan(): Promise<string> {
  await pause(5);
  const drill = !options.real;
  const { id } = await call<{ id: string }>('POST', `/api/plans/${PLAN}/runs`, { drill });
  ourRun = id;
  if (drill) say('启动一级防汛响应（演练）', 'flood-level-1 is started as a DRILL');
  else say('启动一级防汛响应（实战）', 'flood-level-1 is started FOR REAL (all phones here are simulated)');
  return id;
}

/** Tells what changes, answers the plan's question, and asks one more person for video. */
async function watch(id: string): Promise<void> {
  const told = new Map<string, StepState>();
  let ledger = '';
  let isAnswered = false;
  let isVideoAsked = false;
  const beganAt = Date.now();
  while (Date.now() - beganAt < LIMITS_MS.run * pace) {
    const run = await call<RunView>('GET', `/api/runs/${id}`);
    tellSteps(run, told);
    const now = summary(run.ledger);
    if (now && now !== ledger) console.log(`        ${now}`);
    ledger = now;
    if (run.state !== 'running') return;

    if (!isVideoAsked && Date.now() - beganAt > 12_000 * pace) {
      isVideoAsked = true;
      await askForVideo(run);
    }
    const asking = run.steps.find((step) => step.state === 'running' && step.question);
    if (asking?.question && !isAnswered) {
      isAnswered = true;
      await answerQuestion(id, asking.id, asking.question);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function answerQuestion(
  run: string,
  step: string,
  question: { text: Name; choices: { id: string; name: Name }[] },
) {
  say(`预案提问：${question.text.zh}`, `the plan asks: ${inEnglish(question.text)}`);
  await pause(6);
  const choice = question.choices[0]!;
  await command({ do: 'run.answer', run, step, choice: choice.id });
  say(`回答：${choice.name.zh}`, `the answer: ${inEnglish(choice.name)}`);
}

async function askForVideo({ incident }: RunView): Promise<void> {
  try {
    const value = await command({
      do: 'video.ask',
      targets: [{ person: FIELD_PERSON }],
      ...(incident ? { incident } : {}),
    });
    ourFeed = (value as { feeds: { feed: string }[] }).feeds[0]?.feed;
    say('请陆勇回传现场视频，链接已发短信', 'Lu Yong is asked for video; the link goes out by text');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(`视频未能请求：${error.code}`, `video could not be asked for: ${error.code}`);
  }
}

async function stop(id: string, alarm: string): Promise<void> {
  await pause(3);
  const run = await call<RunView>('GET', `/api/runs/${id}`);
  if (run.state === 'running') {
    await stopOurRun();
    say('停止预案', 'the run is stopped');
  }
  if (ourFeed !== undefined) await command({ do: 'video.end', feed: ourFeed }).catch(ignoreRefusal);
  await command({ do: 'alarm.clear', alarm, as: 'test', note: '演示 demo' }).catch(ignoreRefusal);
  if (run.incident)
    await command({ do: 'incident.close', incident: run.incident, note: '演示 demo' }).catch(ignoreRefusal);
  if (options.real) await command({ do: 'mode.set', mode: 'peace' }).catch(ignoreRefusal);
  const { firstInviteMs, firstAnnouncementMs, allDialledMs } = run.figures;
  const figure = (ms?: number) => (ms === undefined ? '–' : `${ms} ms`);
  say(
    `首个呼叫 ${figure(firstInviteMs)}，首包广播 ${figure(firstAnnouncementMs)}，全部呼出 ${figure(allDialledMs)}`,
    `first INVITE ${figure(firstInviteMs)}, first PA packet ${figure(firstAnnouncementMs)}, all dialled ${figure(allDialledMs)}`,
  );
  const path = run.incident ? `/api/incidents/${run.incident}/timeline` : `/api/timeline?run=${id}&limit=10000`;
  const entries = await call<TimelineEntry[]>('GET', path);
  say(
    `时间线记下 ${entries.length} 条，告警与事件已关闭`,
    `${entries.length} entries on the timeline; alarm and incident are closed`,
  );
}

async function stopOurRun(): Promise<void> {
  const id = ourRun;
  ourRun = undefined;
  if (id !== undefined) await call('POST', `/api/runs/${id}/stop`, { note: '演示结束 demo over' }).catch(ignoreRefusal);
}

// --- telling ---

function tellSteps({ steps }: RunView, told: Map<string, StepState>): void {
  for (const { id, name, state, because } of steps) {
    if (state === 'waiting' || told.get(id) === state) continue;
    told.set(id, state);
    const [zh, en] = STEP_WORDS[state];
    say(
      `${name.zh}：${zh}${because ? `（${because}）` : ''}`,
      `${inEnglish(name)}: ${en}${because ? ` (${because})` : ''}`,
    );
  }
}

/** The ledger in one line: how many are where, channel by channel. */
function summary(ledger: LedgerRow[]): string {
  const channels = [...new Set(ledger.map(({ channel }) => channel))];
  return channels
    .map((channel) => {
      const counts = new Map<string, number>();
      for (const row of ledger) if (row.channel === channel) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
      return `${channel}: ${[...counts].map(([state, count]) => `${state} ${count}`).join(', ')}`;
    })
    .join(' | ');
}

function say(zh: string, en: string): void {
  const words = options.language === 'zh' ? zh : options.language === 'en' ? en : `${zh}  ·  ${en}`;
  console.log(`${clock(Date.now())} ${words}`);
}

function inEnglish({ zh, en }: Name): string {
  return en ?? zh;
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

// --- the server ---

function findServer(): string {
  const file = join(options.data, 'run.json');
  if (!existsSync(file))
    throw new CannotPlay(
      `没有运行中的系统：找不到 ${file}，请先 npm start\nnothing is running: ${file} is not there; npm start comes first`,
    );
  return (JSON.parse(readFileSync(file, 'utf8')) as { http: string }).http;
}

async function command(what: Partial<Command> & { do: Command['do'] }): Promise<unknown> {
  return (await call<{ value: unknown }>('POST', '/api/commands', what)).value;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${http}${path}`, {
    method,
    signal: AbortSignal.timeout(LIMITS_MS.request),
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new CannotPlay(`${http} 没有应答：${String(error)}\n${http} does not answer`);
  });
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as T;
  const { code = String(response.status), message = '' } = answer as { code?: string; message?: string };
  throw new Refused(code, message);
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
}

async function pause(seconds: number): Promise<void> {
  await sleep(seconds * 1000 * pace);
}

/** Asks on the terminal, without showing what is typed. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) throw new CannotPlay('TOCSIN_ADMIN_PASSWORD 未设置\nTOCSIN_ADMIN_PASSWORD is not set');
  process.stdout.write(`${options.user} 密码 password: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new CannotPlay('')));
    });
  } finally {
    lines.close();
    process.stdout.write('\n');
  }
}
