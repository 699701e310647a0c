import { DispatchError } from '#kernel/errors.ts';
import { ThreadLink, type ThreadLinkOptions } from './thread-link.ts';
import { FRAME_RING_BYTES } from './worker/frame-ring.ts';
import type { Answer, Command, CommandKind, MemberOptions, ThreadSnapshot } from './worker/protocol.ts';

export interface ThreadPoolOptions extends Omit<ThreadLinkOptions, 'onDied'> {
  /** Threads at most; each starts when those before it are full. */
  threads: number;
  /** RTP ports that a thread takes before the next one is started. Beyond the last they are shared out evenly. */
  legsPerThread: number;
  /** A thread ended by itself; with it all of these nodes and bridges. */
  onDied: (reason: string, gone: ReadonlySet<string>) => void;
}

/** A bridge: a room in each thread that has nodes of it, all linked to the first. */
interface PooledBridge {
  label: string;
  /** Undefined until something is added. */
  home: number | undefined;
  rooms: Set<number>;
  /** Ids of the link nodes, by the thread that they are in. */
  links: { thread: number; id: string }[];
  members: Set<string>;
  /** Settles with the last command: they take effect in the order in which they were given. */
  last: Promise<unknown>;
}

/** How a node that nobody has heard yet is opened again in another thread. */
type Reopening = { kind: 'open-playback' | 'open-recorder'; command: object };

/**
 * The media threads as if they were one: a command goes to the thread that its node is in. Legs fill one thread after the
 * other, so that a house with few calls runs on one, and two who talk are together. A bridge whose legs are in several
 * threads has a room in each; the first is its home, and the others are linked to it: over a link goes the sum of a room, no
 * leg of its own, and it adds 20 to 60 ms to the way between two threads.
 *
 * Lists of who hears whom hold within a thread: a whisper reaches no one in another.
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads: (Promise<ThreadLink> | undefined)[] = [];
  readonly #nodes = new Map<string, number>();
  readonly #legs: number[] = [];
  readonly #reopenings = new Map<string, Reopening>();
  readonly #bridges = new Map<string, PooledBridge>();
  #links = 0;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /** Starts the first thread. */
  async start(): Promise<{ io: 'batched' | 'dgram' }> {
    const { io } = await this.#thread(0);
    return { io };
  }

  /** As `ThreadLink.ask`, to whichever thread it concerns. */
  async ask<Kind extends CommandKind>(kind: Kind, command: Command<Kind>): Promise<Answer<Kind>> {
    return (await this.#route(kind, command as Command<CommandKind>)) as Answer<Kind>;
  }

  async stop(): Promise<void> {
    for (const thread of this.#threads) await (await thread?.catch(() => undefined))?.stop();
  }

  /** Ends a thread as a crash would. For tests. */
  async kill(thread = 0): Promise<void> {
    await (await this.#thread(thread)).kill();
  }

  async #route(kind: CommandKind, command: Command<CommandKind>): Promise<unknown> {
    switch (kind) {
      case 'open-rtp':
        return await this.#openLeg(command as Command<'open-rtp'>);
      case 'open-playback':
      case 'open-recorder': {
        const { node } = command as Command<'open-playback'>;
        this.#reopenings.set(node, { kind, command });
        return await this.#open(kind, command as Command<'open-playback'>, 0);
      }
      case 'open-bridge': {
        const { bridge, label } = command as Command<'open-bridge'>;
        await this.#thread(0);
        this.#bridges.set(bridge, {
          label,
          home: undefined,
          rooms: new Set(),
          links: [],
          members: new Set(),
          last: Promise.resolve(),
        });
        return undefined;
      }
      case 'add-node':
      case 'remove-node':
      case 'change-node':
      case 'close-bridge':
        return await this.#inOrder(kind, command as Command<'change-node'>);
      case 'close-node':
        return await this.#closeNode((command as Command<'close-node'>).node);
      case 'snapshot':
        return await this.#snapshot();
      case 'open-link':
      case 'stop':
        throw new DispatchError('INTERNAL', `${kind} is the pool's own`);
      case 'configure-rtp':
      case 'send-digits':
      case 'who-answers':
      case 'rtp-statistics':
      case 'watch-level':
      case 'pause-playback':
      case 'hold-recorder': {
        const { node } = command as Command<'rtp-statistics'>;
        return await (await this.#threadOf(node)).ask(kind as 'rtp-statistics', { ...command, node });
      }
    }
  }

  #inOrder(
    kind: 'add-node' | 'remove-node' | 'change-node' | 'close-bridge',
    command: Command<'change-node'>,
  ): Promise<unknown> {
    const bridge = this.#bridges.get(command.bridge);
    if (!bridge) {
      // Who has left meanwhile, and what is closed, is changed no more; but nobody can be put there.
      if (kind !== 'add-node') return Promise.resolve();
      return Promise.reject(new DispatchError('NOT_FOUND', `bridge ${command.bridge}`));
    }
    const run = () => {
      if (kind === 'add-node') return this.#add(bridge, command);
      return kind === 'close-bridge' ? this.#closeBridge(command.bridge, bridge) : this.#change(kind, bridge, command);
    };
    const done = bridge.last.then(run);
    bridge.last = done.catch(() => undefined);
    return done;
  }

  async #change(
    kind: 'remove-node' | 'change-node',
    bridge: PooledBridge,
    command: Command<'change-node'>,
  ): Promise<undefined> {
    const thread = this.#nodes.get(command.node);
    if (thread === undefined || !bridge.rooms.has(thread)) return undefined;
    if (kind === 'remove-node') bridge.members.delete(command.node);
    return await (await this.#thread(thread)).ask(kind, command);
  }

  async #openLeg(command: Command<'open-rtp'>): Promise<Answer<'open-rtp'>> {
    const thread = this.#threadWithRoom();
    // Counted before it is open, so that those who come at the same time are shared out too.
    this.#legs[thread] = (this.#legs[thread] ?? 0) + 1;
    try {
      return await this.#open('open-rtp', command, thread);
    } catch (error) {
      this.#legs[thread]! -= 1;
      throw error;
    }
  }

  /** The first thread that is not full, or else the one with the fewest legs. */
  #threadWithRoom(): number {
    const { threads, legsPerThread } = this.#options;
    let least = 0;
    for (let thread = 0; thread < threads; thread += 1) {
      if ((this.#legs[thread] ?? 0) < legsPerThread) return thread;
      if (this.#legs[thread]! < this.#legs[least]!) least = thread;
    }
    return least;
  }

  async #open<Kind extends 'open-rtp' | 'open-playback' | 'open-recorder'>(
    kind: Kind,
    command: Command<Kind>,
    thread: number,
  ): Promise<Answer<Kind>> {
    const answer = await (await this.#thread(thread)).ask(kind, command);
    this.#nodes.set(command.node, thread);
    return answer;
  }

  async #add(bridge: PooledBridge, { bridge: id, node, options }: Command<'add-node'>): Promise<undefined> {
    let thread = this.#nodes.get(node);
    if (thread === undefined) throw new DispatchError('NOT_FOUND', `media node ${node}`);
    const reopening = this.#reopenings.get(node);
    const wanted = reopening && this.#placeFor(bridge, options);
    if (wanted !== undefined && wanted !== thread) thread = await this.#move(node, reopening!, thread, wanted);
    // From now on it is heard, or hears: it stays where it is.
    this.#reopenings.delete(node);
    for (const other of this.#bridges.values()) other.members.delete(node);
    bridge.members.add(node);
    await this.#openRoom(id, bridge, thread);
    return await (await this.#thread(thread)).ask('add-node', { bridge: id, node, options });
  }

  /** Where what has no port of its own belongs: to whom it speaks, or else where the bridge has its home. */
  #placeFor(bridge: PooledBridge, { heardBy }: MemberOptions): number | undefined {
    const listener = Array.isArray(heardBy) ? heardBy[0] : undefined;
    return (listener === undefined ? undefined : this.#nodes.get(listener)) ?? bridge.home;
  }

  async #move(node: string, { kind, command }: Reopening, from: number, to: number): Promise<number> {
    await (await this.#thread(from)).ask('close-node', { node, quietly: true });
    await this.#open(kind, command as Command<'open-playback'>, to);
    return to;
  }

  async #openRoom(id: string, bridge: PooledBridge, thread: number): Promise<void> {
    if (bridge.rooms.has(thread)) return;
    bridge.rooms.add(thread);
    const { label } = bridge;
    const room = await this.#thread(thread);
    await room.ask('open-bridge', { bridge: id, label });
    if (bridge.home === undefined) {
      bridge.home = thread;
      return;
    }
    const home = { bridge: id, thread: bridge.home };
    await this.#openLine([home, { bridge: id, thread }], bridge.links);
  }

  /** Two link nodes, each of which says in its room what the other's sums up to. `into` knows them before they are open. */
  async #openLine(
    [a, b]: [a: { bridge: string; thread: number }, b: { bridge: string; thread: number }],
    into: PooledBridge['links'],
  ): Promise<void> {
    const [there, back] = [new SharedArrayBuffer(FRAME_RING_BYTES), new SharedArrayBuffer(FRAME_RING_BYTES)];
    const ends = [
      { ...a, inbound: back, outbound: there },
      { ...b, inbound: there, outbound: back },
    ];
    for (const { bridge, thread, inbound, outbound } of ends) {
      const node = `link-${(this.#links += 1)}`;
      const link = await this.#thread(thread);
      into.push({ thread, id: node });
      await link.ask('open-link', { node, inbound, outbound });
      await link.ask('add-node', { bridge, node, options: {} });
    }
  }

  /**
   * Lets everybody of two bridges hear each other, by a line as between two threads of one bridge: it adds 20 to 60 ms. Bridges
   * may be tied as a tree, never in a circle: sound would go round in it.
   */
  async tie(a: string, b: string): Promise<{ close(): Promise<void> }> {
    const ends: { bridge: string; thread: number }[] = [];
    for (const id of [a, b]) {
      const bridge = this.#bridges.get(id);
      if (!bridge) throw new DispatchError('NOT_FOUND', `bridge ${id}`);
      const ready = bridge.last.then(async () => {
        if (bridge.home === undefined) await this.#openRoom(id, bridge, 0);
      });
      bridge.last = ready.catch(() => undefined);
      await ready;
      ends.push({ bridge: id, thread: bridge.home! });
    }
    const line: PooledBridge['links'] = [];
    await this.#openLine([ends[0]!, ends[1]!], line);
    return {
      close: async () => {
        for (const { thread, id } of line)
          await (await this.#thread(thread)).ask('close-node', { node: id }).catch(() => undefined);
      },
    };
  }

  async #closeBridge(id: string, bridge: PooledBridge): Promise<undefined> {
    this.#bridges.delete(id);
    for (const link of bridge.links)
      await (await this.#thread(link.thread)).ask('close-node', { node: link.id }).catch(() => undefined);
    for (const thread of bridge.rooms) await (await this.#thread(thread)).ask('close-bridge', { bridge: id });
    return undefined;
  }

  async #closeNode(node: string): Promise<undefined> {
    const thread = this.#nodes.get(node);
    if (thread === undefined) throw new DispatchError('INTERNAL', 'the media thread has ended');
    this.#forget(node);
    return await (await this.#thread(thread)).ask('close-node', { node });
  }

  #forget(node: string): void {
    const thread = this.#nodes.get(node);
    if (thread !== undefined && node.startsWith('rtp')) this.#legs[thread]! -= 1;
    this.#nodes.delete(node);
    this.#reopenings.delete(node);
    for (const bridge of this.#bridges.values()) bridge.members.delete(node);
  }

  async #threadOf(node: string): Promise<ThreadLink> {
    const thread = this.#nodes.get(node);
    if (thread === undefined) throw new DispatchError('INTERNAL', 'the media thread has ended');
    return await this.#thread(thread);
  }

  #thread(thread: number): Promise<ThreadLink> {
    this.#threads[thread] ??= ThreadLink.open({
      ...this.#options,
      onDied: (reason) => this.#died(thread, reason),
    }).catch((error: unknown) => {
      this.#threads[thread] = undefined;
      throw error;
    });
    return this.#threads[thread]!;
  }

  /** All of a bridge goes with one of its threads: half a conference would not know that it is one. */
  #died(thread: number, reason: string): void {
    this.#threads[thread] = undefined;
    const gone = new Set([...this.#nodes].filter(([, where]) => where === thread).map(([node]) => node));
    const broken = [...this.#bridges].filter(([, { rooms }]) => rooms.has(thread));
    for (const node of gone) this.#forget(node);
    for (const [id, bridge] of broken) {
      gone.add(id);
      for (const member of bridge.members) gone.add(member);
      bridge.rooms.delete(thread);
      bridge.links = bridge.links.filter((link) => link.thread !== thread);
    }
    this.#options.onDied(reason, gone);
  }

  async #snapshot(): Promise<ThreadSnapshot> {
    const asked = await Promise.all(this.#threads.map(async (thread) => (await thread)?.ask('snapshot', {})));
    const all = asked.filter((each) => each !== undefined);
    const [first = await (await this.#thread(0)).ask('snapshot', {}), ...others] = all;
    return others.reduce(joined, first);
  }
}

/** Two threads as one: what is counted is added up, how late or long it was is the worse of the two. */
function joined(a: ThreadSnapshot, b: ThreadSnapshot): ThreadSnapshot {
  const bridges = a.bridges.map((bridge) => {
    const part = b.bridges.find(({ id }) => id === bridge.id);
    if (!part) return bridge;
    return {
      ...bridge,
      members: [...bridge.members, ...part.members],
      mixes: bridge.mixes + part.mixes,
      encodings: bridge.encodings + part.encodings,
      framesHeard: bridge.framesHeard + part.framesHeard,
    };
  });
  const known = new Set(bridges.map(({ id }) => id));
  return {
    io: a.io,
    threads: a.threads + b.threads,
    ticks: Math.max(a.ticks, b.ticks),
    skippedTicks: a.skippedTicks + b.skippedTicks,
    lateTicks: a.lateTicks + b.lateTicks,
    worstLatenessMs: Math.max(a.worstLatenessMs, b.worstLatenessMs),
    meanTickMs: Math.max(a.meanTickMs, b.meanTickMs),
    longestTickMs: Math.max(a.longestTickMs, b.longestTickMs),
    heapBytes: a.heapBytes + b.heapBytes,
    rtp: [...a.rtp, ...b.rtp],
    playbacks: [...a.playbacks, ...b.playbacks],
    recorders: [...a.recorders, ...b.recorders],
    bridges: [...bridges, ...b.bridges.filter(({ id }) => !known.has(id))],
  };
}
