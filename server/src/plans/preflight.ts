/**
 * The pre-flight: what would be missing if the plan were pressed now. Pure: it asks the directory and what the ports
 * know at this moment, and changes nothing.
 */
import type { Name } from '@tocsin/protocol/common.ts';
import type { Person } from '@tocsin/protocol/directory.ts';
import type { AlarmView, PlanView } from '@tocsin/protocol/views.ts';
import type { Words } from '@tocsin/protocol/reaching.ts';
import { waitsFor } from './load.ts';
import { defaultParameters } from './parameters.ts';
import type { Plan } from './plan.ts';
import type { PlanPorts, StepNeeds } from './step.ts';
import { STEP_KINDS } from './steps/all.ts';

/** Problems shown for one plan; beyond it a line says how many more there are. */
const PROBLEMS_SHOWN = 20;

export interface PreflightSources extends Pick<
  PlanPorts,
  'directory' | 'announcements' | 'channels' | 'calls' | 'texts'
> {
  /** Whether words have been spoken ahead: `failed` when the voice could not. */
  speechState(words: Words): 'ready' | 'preparing' | 'failed';
}

/** `news` is worth knowing, `degraded` loses somebody, `blocking` makes the plan useless. */
interface Finding extends Name {
  weight: 'news' | 'degraded' | 'blocking';
}

/** Everything that a plan's steps will need, with the parameters' defaults. */
export function needsOf(plan: Plan, directory: PlanPorts['directory'], alarm?: AlarmView): Map<string, StepNeeds> {
  const scope = { directory, parameters: defaultParameters(plan), alarm };
  const kinds = new Map(STEP_KINDS.map((step) => [step.kind, step]));
  return new Map(plan.steps.map((step) => [step.id, kinds.get(step.kind)!.needs(step.settings, scope)]));
}

/** Holds a plan against the present. */
export function assess(plan: Plan, sources: PreflightSources): PlanView['readiness'] {
  const needs = needsOf(plan, sources.directory);
  const all = [...needs.values()];
  const voice = unique(all.flatMap((one) => one.voice ?? []));
  const texts = unique(all.flatMap((one) => one.texts ?? []));
  const findings = [
    ...voice.flatMap((id) => checkVoice(id, sources)),
    ...checkTexts(texts, sources),
    ...checkZones(unique(all.flatMap((one) => one.zones ?? [])), sources),
    ...checkChannels(unique(all.flatMap((one) => one.channels ?? [])), sources),
    ...checkLines(all, sources),
    ...checkSpeech(
      all.flatMap((one) => one.speech ?? []),
      sources,
    ),
  ];
  const weights = findings.map(({ weight }) => weight);
  const isVoiceUseless = voice.length > 0 && voice.every((id) => isUnreachable(id, sources));
  const state =
    weights.includes('blocking') || isVoiceUseless ? 'not-ready' : weights.includes('degraded') ? 'degraded' : 'ready';
  const order = { blocking: 0, degraded: 1, news: 2 };
  const problems = findings.toSorted((a, b) => order[a.weight] - order[b.weight]).map(({ zh, en }) => ({ zh, en }));
  return {
    state,
    people: unique([...voice, ...texts]).length,
    seconds: secondsToReachAll(plan, needs, sources),
    problems: shown(problems),
  };
}

function checkVoice(id: string, { directory, calls }: PreflightSources): Finding[] {
  const person = directory.person(id);
  if (!person) return [];
  const who = naming(person);
  if (person.absence) {
    const deputy = presentDeputy(person, directory);
    const { reason } = person.absence;
    if (!deputy)
      return [
        {
          weight: 'degraded',
          zh: `${who.zh} ${reason}，没有可用代理人`,
          en: `${who.en} is away (${reason}), no deputy`,
        },
      ];
    const by = naming(deputy);
    return [
      {
        weight: 'news',
        zh: `${who.zh} ${reason}，由 ${by.zh} 代理`,
        en: `${who.en} is away (${reason}), ${by.en} stands in`,
      },
    ];
  }
  if (person.numbers.length === 0)
    return [{ weight: 'degraded', zh: `${who.zh} 没有号码`, en: `${who.en} has no number` }];
  switch (calls.reachability(id)) {
    case 'unregistered':
      return [{ weight: 'degraded', zh: `${who.zh} 话机未注册`, en: `the phone of ${who.en} is not registered` }];
    case 'no-route':
      return [{ weight: 'degraded', zh: `${who.zh} 的号码无路由`, en: `no line leads to ${who.en}` }];
    case 'reachable':
    case 'unknown':
      return [];
  }
}

function isUnreachable(id: string, sources: PreflightSources): boolean {
  const person = sources.directory.person(id);
  const standIn = person?.absence ? presentDeputy(person, sources.directory) : person;
  if (!standIn || standIn.numbers.length === 0) return true;
  const reach = sources.calls.reachability(standIn.id);
  return reach === 'unregistered' || reach === 'no-route';
}

function presentDeputy(person: Person, directory: PlanPorts['directory']): Person | undefined {
  return person.deputies.map((id) => directory.person(id)).find((deputy) => deputy && !deputy.absence);
}

function checkTexts(people: string[], { directory, texts }: PreflightSources): Finding[] {
  if (people.length === 0) return [];
  const without = people.flatMap((id) => {
    const person = directory.person(id);
    const hasNumber = person?.textNumber ?? person?.numbers.some(({ kind }) => kind === 'mobile');
    if (!person || hasNumber) return [];
    return [
      {
        weight: 'degraded' as const,
        zh: `${person.name.zh} 没有短信号码`,
        en: `${naming(person).en} has no number for texts`,
      },
    ];
  });
  if (texts.isOnline()) return without;
  return [
    { weight: 'degraded', zh: '短信网关离线，短信将等待', en: 'The SMS gateway is offline; texts will wait' },
    ...without,
  ];
}

function checkZones(zones: string[], { directory, announcements }: PreflightSources): Finding[] {
  const states = zones.map((id) => ({
    id,
    name: directory.zone(id)?.name ?? { zh: id },
    state: announcements.zoneState(id),
  }));
  const isAllDown = states.length > 0 && states.every(({ state }) => state === 'down');
  return states.flatMap(({ name, state }): Finding[] => {
    const en = name.en ?? name.zh;
    if (state === 'down')
      return [{ weight: isAllDown ? 'blocking' : 'degraded', zh: `广播 ${name.zh} 断开`, en: `PA ${en} is down` }];
    if (state === 'part-silent')
      return [{ weight: 'degraded', zh: `广播 ${name.zh} 部分喇叭无声`, en: `some horns of PA ${en} are silent` }];
    return [];
  });
}

function checkChannels(channels: string[], { directory, channels: ports }: PreflightSources): Finding[] {
  return channels
    .filter((id) => !ports.isReady(id))
    .map((id) => {
      const name = directory.channel(id)?.name ?? { zh: id };
      return { weight: 'degraded', zh: `信道 ${name.zh} 未连接`, en: `channel ${name.en ?? name.zh} is not connected` };
    });
}

function checkLines(all: StepNeeds[], { calls }: PreflightSources): Finding[] {
  const needed = linesNeeded(all);
  const free = calls.freeLines();
  if (free === undefined || needed <= free) return [];
  return [
    {
      weight: free === 0 ? 'blocking' : 'degraded',
      zh: `需要 ${needed} 线，空闲 ${free} 线`,
      en: `${needed} lines needed, ${free} free`,
    },
  ];
}

function checkSpeech(words: Words[], { speechState }: PreflightSources): Finding[] {
  const states = words.map(speechState);
  if (states.includes('failed'))
    return [{ weight: 'degraded', zh: '播报语音无法合成', en: 'The words to be spoken could not be made' }];
  if (states.includes('preparing'))
    return [{ weight: 'news', zh: '播报语音正在准备', en: 'The words to be spoken are being made' }];
  return [];
}

function linesNeeded(all: StepNeeds[]): number {
  return all.reduce((sum, { lines = 0 }) => sum + lines, 0);
}

/** The longest way through the steps, counting those that reach people; when lines are short they are used in turns. */
function secondsToReachAll(plan: Plan, needs: Map<string, StepNeeds>, { calls }: PreflightSources): number {
  const free = calls.freeLines();
  const turns = free && free > 0 ? Math.max(1, Math.ceil(linesNeeded([...needs.values()]) / free)) : 1;
  const until = new Map<string, number>();
  const secondsUntil = (id: string): number => {
    const known = until.get(id);
    if (known !== undefined) return known;
    const step = plan.steps.find((one) => one.id === id)!;
    const before = Math.max(0, ...waitsFor(step).map(secondsUntil));
    const seconds = before + (needs.get(id)?.seconds ?? 0) * turns;
    until.set(id, seconds);
    return seconds;
  };
  return Math.max(0, ...plan.steps.filter(({ id }) => needs.get(id)?.seconds).map(({ id }) => secondsUntil(id)));
}

function shown(problems: Name[]): Name[] {
  if (problems.length <= PROBLEMS_SHOWN) return problems;
  const more = problems.length - PROBLEMS_SHOWN + 1;
  return [...problems.slice(0, PROBLEMS_SHOWN - 1), { zh: `另有 ${more} 项`, en: `and ${more} more` }];
}

function naming({ name }: Person): { zh: string; en: string } {
  return { zh: name.zh, en: name.en ?? name.zh };
}

function unique(ids: string[]): string[] {
  return [...new Set(ids)];
}
