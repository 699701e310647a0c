/**
 * An alarm published by MQTT until its card is on a desk, and a flood: 10,000 alarms of ten minutes in one, how long each
 * waits to be counted on a card, whether any is lost on the desk or on the timeline, and how many cards a dispatcher sees.
 * A whole server, devices on MQTT with QoS 1, a console on socket.io. Prints one JSON line.
 *
 *   node bench/alarms.bench.ts [alarms] [seconds]
 */
import { connectAsync } from 'mqtt';
import { Console } from '../scenarios/kit/console.ts';
import type { Tocsin } from '../scenarios/kit/tocsin.ts';
import { pause } from '../scenarios/kit/wait.ts';
import { type House, inHouse } from './house.ts';
import { percentiles } from './percentiles.ts';
import { cpuOfTree, MACHINE } from './sip-load.ts';

/** Fewer in ten minutes than a flood begins with (ISA-18.2), so that each has a card of its own. */
const ALONE = 9;
const KINDS = ['one-key', 'fall', 'smoke', 'gas', 'water', 'intrusion', 'technical', 'inactivity'];
const PATIENCE_MS = 120_000;

const alarms = Number(process.argv[2] ?? 10_000);
const seconds = Number(process.argv[3] ?? 60);

console.log(JSON.stringify(await inHouse(() => {}, measure)));

async function measure({ tocsin, t }: House) {
  const desk = await Console.open(t, tocsin);
  const devices = await connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 });
  t.after(() => devices.endAsync(true));
  const press = (n: number, name: string) =>
    devices.publishAsync(
      `tocsin/demo/device/${name}-${n % 500}/alarm`,
      JSON.stringify({ alarm: `${name}-${n}`, kind: KINDS[n % KINDS.length] }),
      { qos: 1 },
    );
  const raised = () => desk.all('alarms').filter(({ state }) => state === 'raised');
  const counted = () => raised().reduce((sum, { count }) => sum + count, 0);

  const alone: number[] = [];
  for (let n = 0; n < ALONE; n += 1) {
    await pause(500);
    const before = counted();
    const pressedMs = performance.now();
    void press(n, 'alone');
    while (counted() === before) await pause(2);
    alone.push(performance.now() - pressedMs);
  }

  // The flood: by the clock, not by the acknowledgements; the n-th counted is taken for the n-th pressed.
  const stood = counted();
  const cpuBefore = cpuOfTree(tocsin.pid);
  const pressedAtMs: number[] = [];
  const waits: number[] = [];
  let mostCards = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver && waits.length < alarms) {
      await pause(5);
      mostCards = Math.max(mostCards, raised().length);
      const reached = Math.min(counted() - stood, pressedAtMs.length);
      while (waits.length < reached) waits.push(performance.now() - pressedAtMs[waits.length]!);
    }
  })();
  const beganMs = performance.now();
  const sent: Promise<unknown>[] = [];
  while (sent.length < alarms) {
    const due = Math.min(alarms, Math.ceil(((performance.now() - beganMs) / 1000) * (alarms / seconds)));
    while (sent.length < due) {
      pressedAtMs.push(performance.now());
      sent.push(press(sent.length, 'flood'));
    }
    await pause(2);
  }
  await Promise.all(sent);
  const tookMs = performance.now() - beganMs;
  await Promise.race([watching, pause(PATIENCE_MS)]);
  isOver = true;
  return {
    bench: 'alarms',
    machine: MACHINE,
    method: `MQTT QoS 1 to a socket.io console; ${ALONE} alone, then ${alarms} of 500 devices in ${seconds} s; console looked at every 2 and 5 ms`,
    aloneMs: percentiles(alone),
    flood: {
      alarms,
      tookSeconds: Math.round(tookMs / 1000),
      waitMs: percentiles(waits),
      countedOnCards: counted() - stood,
      onTimeline: await signalsOnTimeline(tocsin, /flood-\d+\/flood-\d+$/),
      mostCards,
      cpuSeconds: Math.round((cpuOfTree(tocsin.pid) - cpuBefore) * 10) / 10,
    },
  };
}

/** How many different signals of these the timeline has. */
async function signalsOnTimeline(tocsin: Tocsin, wanted: RegExp): Promise<number> {
  const signals = new Set<string>();
  for (let afterSeq = 0; ;) {
    const entries = await tocsin.timeline({ kind: 'alarm.', afterSeq, limit: 5000 });
    if (entries.length === 0) return signals.size;
    afterSeq = entries.at(-1)!.seq;
    for (const { data } of entries) if (wanted.test(String(data['signal']))) signals.add(String(data['signal']));
  }
}
