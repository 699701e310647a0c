/**
 * What mixing costs: rooms of 10, 50, 100 and 200 G.711 legs, all talking; and relaying: 100 legs in rooms of two, whose
 * packets are passed on without mixing. Prints one JSON line.
 *
 * Three processes: the engine, whose CPU time alone is counted (kernel work of its sockets included); the talkers, who
 * send and never read; and a probe with two of the legs, which says a burst now and then and measures when it comes out
 * at the other. Only the probe listens, but every leg is sent to.
 *
 *   node bench/mixing.bench.ts [legs,legs,legs/room size,…] [seconds] [batched|dgram]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeG711, openMediaEngine, readRtp, decodeG711, sine, writeRtp } from '@tocsin/server/media';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { percentiles, round } from './percentiles.ts';
import { AF_INET, loadKernelCalls, MSG_DONTWAIT, SOCK_DGRAM } from '../server/src/linux/kernel-calls.ts';

const role = process.argv[2];
if (role === 'engine') await runEngine();
else if (role === 'talkers') runTalkers();
else if (role === 'probe') await runProbe();
else await runBench();

async function runBench() {
  const cases = (process.argv[2] ?? '10,50,100,200,100/2').split(',').map((text) => text.split('/').map(Number));
  const seconds = Number(process.argv[3] ?? 8);
  const io = process.argv[4];
  const rooms = [];
  for (const [legs, roomSize] of cases) rooms.push(await measureRoom(legs!, roomSize ?? legs!, seconds, io));
  console.log(
    JSON.stringify({
      bench: 'mixing',
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
      method: 'rooms with all legs talking, PCMA 20 ms over loopback; CPU of the engine process per leg and frame',
      seconds,
      rooms,
    }),
  );
}

async function measureRoom(legs: number, roomSize: number, seconds: number, io?: string) {
  const engine = start('engine', { legs, roomSize, io });
  const { ports } = (await answer(engine)) as { ports: number[] };
  const talkers = start('talkers', { ports: ports.slice(2) });
  const probe = start('probe', { ports: ports.slice(0, 2) });
  await answer(probe);
  await sleep(4000); // Until jitter buffers have settled and code is compiled.
  engine.send('begin');
  probe.send('begin');
  await sleep(seconds * 1000);
  engine.send('end');
  probe.send('end');
  const [cost, delay] = await Promise.all([answer(engine), answer(probe)]);
  for (const child of [talkers, probe, engine]) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  return { legs, roomSize, ...(cost as object), ...(delay as object) };
}

function start(kind: string, data: object): ChildProcess {
  const child = fork(import.meta.filename, [kind]);
  child.send(data);
  return child;
}

async function answer(child: ChildProcess): Promise<unknown> {
  return ((await once(child, 'message')) as [unknown])[0];
}

/** The next message from the bench. */
async function order<T>(): Promise<T> {
  return ((await once(process, 'message')) as [T])[0];
}

async function runEngine() {
  const { legs, roomSize, io } = await order<{ legs: number; roomSize: number; io?: 'batched' | 'dgram' }>();
  const engine = await openMediaEngine({
    host: '127.0.0.1',
    rtpPorts: [0, 0],
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    ...(io && { io }),
  });
  let bridge = await engine.openBridge();
  const ports: number[] = [];
  for (let i = 0; i < legs; i += 1) {
    if (i > 0 && i % roomSize === 0) bridge = await engine.openBridge();
    const leg = await engine.openRtp({ label: `leg ${i}` });
    await leg.configure({ codec: 'pcma', payloadType: 8, direction: 'sendrecv' });
    await bridge.add(leg);
    ports.push(leg.localPort);
  }
  process.send!({ ports });
  await order();
  const before = await engine.snapshot();
  const cpu = process.cpuUsage();
  await order();
  const used = process.cpuUsage(cpu);
  const after = await engine.snapshot();
  const frames = after.ticks - before.ticks;
  const totals = (of: 'concealedFrames' | 'packetsReceived' | 'packetsSent') =>
    after.rtp.reduce((sum, leg) => sum + leg[of], 0) - before.rtp.reduce((sum, leg) => sum + leg[of], 0);
  process.send!({
    io: after.io,
    cpuMicrosecondsPerLegFrame: round((used.user + used.system) / (legs * frames)),
    userShare: round(used.user / (used.user + used.system)),
    frames,
    framesIn: round(totals('packetsReceived') / (legs * frames)),
    framesOut: round(totals('packetsSent') / (legs * frames)),
    concealed: totals('concealedFrames'),
    skippedTicks: after.skippedTicks - before.skippedTicks,
    lateTicks: after.lateTicks - before.lateTicks,
    worstLatenessMs: round(after.worstLatenessMs),
    meanTickMs: round((after.meanTickMs * after.ticks - before.meanTickMs * before.ticks) / frames),
  });
}

/** Every leg says its own quiet tone, each at its own moment of the 20 ms. */
function runTalkers() {
  process.once('message', ({ ports }: { ports: number[] }) => {
    const calls = loadKernelCalls();
    const legs = ports.map((port, index) => {
      const payload = encodeG711('pcma', sine({ hz: 200 + ((index * 50) % 3000), durationMs: 20, levelDb: -46 }));
      const packet = writeRtp({ payloadType: 8, sequence: 0, timestamp: 0, ssrc: index + 1, payload });
      const to = Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
      return { fd: calls.socket(AF_INET, SOCK_DGRAM, 0), packet, to, frame: 0, atMs: (index * 20) / ports.length };
    });
    const began = performance.now();
    const turn = () => {
      const now = performance.now() - began;
      for (const leg of legs) {
        if (leg.atMs > now) continue;
        leg.atMs += 20;
        leg.frame += 1;
        const view = new DataView(leg.packet.buffer);
        view.setUint16(2, leg.frame & 0xffff);
        view.setUint32(4, (leg.frame * 160) >>> 0);
        calls.sendto(leg.fd, leg.packet, leg.packet.length, MSG_DONTWAIT, leg.to, 16);
      }
      setTimeout(turn, 1);
    };
    turn();
  });
}

/** One leg says a loud packet every 300 ms, the other notes when it comes. */
async function runProbe() {
  const { ports } = await order<{ ports: number[] }>();
  const [mouth, ear] = [createSocket('udp4'), createSocket('udp4')];
  const quiet = encodeG711('pcma', new Int16Array(160));
  const loud = encodeG711('pcma', sine({ hz: 1000, durationMs: 20, levelDb: -1 }));
  const delays: number[] = [];
  let saidAtMs = 0;
  let isMeasuring = false;
  ear.on('message', (packet) => {
    if (saidAtMs === 0) return;
    const samples = decodeG711('pcma', readRtp(packet)!.payload);
    if (samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0) < 12_000) return;
    if (isMeasuring) delays.push(performance.now() - saidAtMs);
    saidAtMs = 0;
  });
  const began = performance.now();
  let frame = 0;
  setInterval(() => {
    for (; frame < (performance.now() - began) / 20; frame += 1) {
      const isBurst = frame % 15 === 7;
      const header = { payloadType: 8, sequence: frame & 0xffff, timestamp: frame * 160 };
      if (isBurst) saidAtMs = performance.now();
      mouth.send(writeRtp({ ...header, ssrc: 71, payload: isBurst ? loud : quiet }), ports[0]!, '127.0.0.1');
      ear.send(writeRtp({ ...header, ssrc: 72, payload: quiet }), ports[1]!, '127.0.0.1');
    }
  }, 1);
  process.send!('ready');
  await order();
  isMeasuring = true;
  await order();
  process.send!({ addedDelayMs: percentiles(delays) });
}
