import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { openDgramIo } from './dgram-io.ts';
import type { MediaIo } from './io.ts';
import { LEVEL_FRAMES } from './level-meter.ts';
import { LinkNode } from './link-node.ts';
import type { MediaNode, Tick } from './node.ts';
import { PlaybackNode } from './playback-node.ts';
import type {
  Answer,
  Command,
  CommandKind,
  FromThread,
  Report,
  ThreadData,
  ThreadSnapshot,
  ToThread,
} from './protocol.ts';
import { RecorderNode } from './recorder-node.ts';
import { Room } from './room.ts';
import { RtpLeg } from './rtp-leg.ts';
import { RtpPorts } from './rtp-ports.ts';

/** A tick that begins later than this after its time counts as late. */
const LATE_MS = 5;
/** A far level must change by so much to be told again. */
const LEVEL_STEP_DB = 3;

type Handlers = { [Kind in CommandKind]: (command: Command<Kind>) => Answer<Kind> | Promise<Answer<Kind>> };

const port = parentPort!;
const io: MediaIo = await openIo();
const ports = new RtpPorts(io);
const nodes = new Map<string, MediaNode>();
const legs: RtpLeg[] = [];
const rooms = new Map<string, Room>();
let nodeList: MediaNode[] = [];
let roomList: Room[] = [];
let reports: Report[] = [];
const report = (what: Report) => void reports.push(what);
const pace = { ticks: 0, skippedTicks: 0, lateTicks: 0, worstLatenessMs: 0, workMs: 0, longestTickMs: 0 };
const tick: Tick = { nowMs: 0, skipped: 0 };

/** Everything that happens in 20 ms, in this order. */
function runTick(nowMs: number, skipped: number, latenessMs: number): void {
  const beganMs = systemClock.monotonic();
  tick.nowMs = nowMs;
  tick.skipped = skipped;
  io.drain();
  for (let i = 0; i < nodeList.length; i += 1) nodeList[i]!.produce(tick);
  for (let i = 0; i < roomList.length; i += 1) roomList[i]!.mix(tick);
  for (let i = 0; i < nodeList.length; i += 1) {
    const node = nodeList[i]!;
    if (node.bridgeId === undefined && node.canListen) node.consume(undefined, undefined, tick);
  }
  pace.ticks += 1;
  if (pace.ticks % LEVEL_FRAMES === 0) tend(nowMs);
  if (reports.length > 0) {
    post({ kind: 'reports', reports });
    reports = [];
  }
  const tookMs = systemClock.monotonic() - beganMs;
  pace.workMs += tookMs;
  pace.longestTickMs = Math.max(pace.longestTickMs, tookMs);
  pace.skippedTicks += skipped;
  if (latenessMs > LATE_MS) pace.lateTicks += 1;
  pace.worstLatenessMs = Math.max(pace.worstLatenessMs, latenessMs);
}

/** Ten times a second: levels, reports, what is overdue. */
function tend(nowMs: number): void {
  for (let i = 0; i < nodeList.length; i += 1) {
    const { meter } = nodeList[i]!;
    const hasTurned = meter.evaluate();
    const node = nodeList[i]!;
    if (node instanceof RtpLeg && (hasTurned || Math.abs(meter.levelDb - meter.toldDb) >= LEVEL_STEP_DB))
      node.reportLevel();
  }
  for (let i = 0; i < roomList.length; i += 1) roomList[i]!.reportSpeaking(report);
  for (let i = 0; i < legs.length; i += 1) legs[i]!.tend(nowMs);
}

const handlers: Handlers = {
  async 'open-rtp'({ node, label, host, ports: range, ssrc, sequence, timestamp, cname }) {
    const leg = new RtpLeg({ id: node, label, ssrc, sequence, timestamp, cname, report });
    const { rtp, rtcp } = await ports.open(
      host,
      range,
      (packet, length, fromKey, arrivedAtMs) => leg.receive(packet, length, fromKey, arrivedAtMs),
      (packet, length, fromKey, arrivedAtMs) => leg.receiveRtcp(packet, length, fromKey, arrivedAtMs),
    );
    leg.attach(rtp, rtcp);
    legs.push(leg);
    keep(leg);
    return { port: rtp.port };
  },
  'configure-rtp'({ node, configuration }) {
    legOf(node).configure(configuration, systemClock.monotonic());
    return undefined;
  },
  'send-digits'({ node, digits, durationMs, gapMs }) {
    const leg = legOf(node);
    if (!leg.canSendDigits)
      throw new DispatchError('MEDIA_FORMAT_UNSUPPORTED', 'the far end does not want to hear now');
    return new Promise<undefined>((resolve, reject) => {
      if (!leg.sendDigits(digits, durationMs, gapMs, () => resolve(undefined)))
        reject(new DispatchError('REQUEST_MALFORMED', `"${digits}" has characters that are no digits`));
    });
  },
  'who-answers': ({ node }) => legOf(node).whoAnswers(),
  'rtp-statistics': ({ node }) => legOf(node).statistics(),
  'watch-level'({ node }) {
    legOf(node).isLevelWatched = true;
    return undefined;
  },
  'open-playback'({ node, sound, times, gapMs }) {
    keep(new PlaybackNode(node, sound, times, gapMs, () => report({ about: node, what: 'finished' })));
    return undefined;
  },
  'pause-playback'({ node, isPaused }) {
    const playback = nodes.get(node);
    if (playback instanceof PlaybackNode) playback.isPaused = isPaused;
    return undefined;
  },
  'open-recorder'({ node, channels, left, byVoice }) {
    const deliver = (samples: Int16Array, isLast: boolean) =>
      port.postMessage({ kind: 'recorded', node, samples, isLast } satisfies FromThread, [
        samples.buffer as ArrayBuffer,
      ]);
    keep(new RecorderNode({ id: node, channels, left: left ?? [], byVoice, deliver, report }));
    return undefined;
  },
  'hold-recorder'({ node: id, isHeld }) {
    const recorder = nodes.get(id);
    if (!(recorder instanceof RecorderNode)) throw new DispatchError('NOT_FOUND', `recorder ${id}`);
    recorder.isHeld = isHeld;
    return { atMs: recorder.recordedMs };
  },
  'open-link'({ node, inbound, outbound }) {
    keep(new LinkNode(node, inbound, outbound));
    return undefined;
  },
  'close-node'({ node: id, quietly }) {
    const node = nodes.get(id);
    if (!node) return undefined;
    if (node.bridgeId !== undefined) rooms.get(node.bridgeId)?.remove(id);
    nodes.delete(id);
    nodeList = [...nodes.values()];
    if (node instanceof RtpLeg) legs.splice(legs.indexOf(node), 1);
    if (!quietly) node.close();
    return undefined;
  },
  'open-bridge'({ bridge, label }) {
    rooms.set(bridge, new Room(bridge, label));
    roomList = [...rooms.values()];
    return undefined;
  },
  'add-node'({ bridge, node: id, options }) {
    const node = nodes.get(id);
    if (!node) throw new DispatchError('NOT_FOUND', `media node ${id}`);
    const room = roomOf(bridge);
    if (node.bridgeId !== undefined) rooms.get(node.bridgeId)?.remove(id);
    room.add(node, options);
    return undefined;
  },
  'change-node'({ bridge, node, options }) {
    // Who has just hung up is muted no more: a leg may end at any time, and bridges with it.
    rooms.get(bridge)?.change(node, options);
    return undefined;
  },
  'remove-node'({ bridge, node }) {
    rooms.get(bridge)?.remove(node);
    return undefined;
  },
  'close-bridge'({ bridge }) {
    const room = rooms.get(bridge);
    for (const { node } of [...(room?.members ?? [])]) room!.remove(node.id);
    rooms.delete(bridge);
    roomList = [...rooms.values()];
    return undefined;
  },
  snapshot,
  stop() {
    for (const node of nodes.values()) node.close();
    nodes.clear();
    nodeList = [];
    io.stop();
    setImmediate(() => port.close());
    return undefined;
  },
};

port.on('message', (message: ToThread) => void answer(message));
post({ kind: 'ready', io: io.kind, wakeFd: io.wakeFd });
io.run(runTick);

async function answer(message: ToThread): Promise<void> {
  const { number, kind } = message;
  try {
    const value = await (handlers[kind] as (command: ToThread) => unknown)(message);
    post({ kind: 'answer', number, value });
  } catch (error) {
    const { code, message: detail } = error as DispatchError;
    post({ kind: 'refusal', number, code: error instanceof DispatchError ? code : 'INTERNAL', detail });
  }
}

function snapshot(): ThreadSnapshot {
  const all = [...nodes.values()];
  return {
    io: io.kind,
    threads: 1,
    ticks: pace.ticks,
    skippedTicks: pace.skippedTicks,
    lateTicks: pace.lateTicks,
    worstLatenessMs: pace.worstLatenessMs,
    meanTickMs: pace.ticks === 0 ? 0 : pace.workMs / pace.ticks,
    longestTickMs: pace.longestTickMs,
    heapBytes: process.memoryUsage().heapUsed,
    rtp: legs.map((leg) => ({ id: leg.id, label: leg.label, port: leg.port, ...leg.statistics() })),
    playbacks: all
      .filter((node) => node instanceof PlaybackNode)
      .map(({ id, playedFrames, isPaused }) => ({ id, playedMs: playedFrames * 20, isPaused })),
    recorders: all.filter((node) => node instanceof RecorderNode).map(({ id, recordedMs }) => ({ id, recordedMs })),
    bridges: roomList.map((room) => ({
      id: room.id,
      label: room.label,
      members: room.members.map(({ node, isMuted, isSpeaking }) => ({ id: node.id, isMuted, isSpeaking })),
      isRelaying: room.isRelaying,
      mixes: room.mixes,
      encodings: room.encodings,
      framesHeard: room.framesHeard,
    })),
  };
}

function keep(node: MediaNode): void {
  nodes.set(node.id, node);
  nodeList = [...nodes.values()];
}

function legOf(id: string): RtpLeg {
  const node = nodes.get(id);
  if (!(node instanceof RtpLeg)) throw new DispatchError('NOT_FOUND', `RTP port ${id}`);
  return node;
}

function roomOf(id: string): Room {
  const room = rooms.get(id);
  if (!room) throw new DispatchError('NOT_FOUND', `bridge ${id}`);
  return room;
}

function post(message: FromThread): void {
  port.postMessage(message);
}

/** Batched system calls where they load, else Node's sockets. */
async function openIo(): Promise<MediaIo> {
  const { io: wanted, host, openFds } = workerData as ThreadData;
  if (wanted === 'dgram') return openDgramIo();
  try {
    const { openBatchedIo } = await import('./batched-io.ts');
    return openBatchedIo(host, openFds);
  } catch (error) {
    if (wanted === 'batched') throw error;
    return openDgramIo();
  }
}
