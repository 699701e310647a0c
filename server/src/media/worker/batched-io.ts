import { isIPv4 } from 'node:net';
import { systemClock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { TICK_MS, type Endpoint, type MediaIo, type MediaSocket, type Receive } from './io.ts';
import * as k from '#linux/kernel-calls.ts';

/** Packets taken from one socket in one call, and calls a socket gets in one tick: a flood waits, or overflows in the kernel. */
const BATCH = 4;
const ROUNDS = 8;
const PACKET_BYTES = 2048;
/** Sockets that seldom hear anything are looked at every so many drains (0.5 s). */
const RARE_DRAINS = 25;
const RECEIVE_BUFFER_BYTES = 262_144;
const CONTROL_BYTES = 64;
const TIMER = 0;
const WAKE = 1;
/** Added to the descriptor of an urgent socket, to tell it from the two above. */
const URGENT = 0x1000000;
/** Events taken from the kernel at a time. */
const EVENTS = 64;

/** Where the parts of the receive vector lie in its memory: headers, then I/O vectors, addresses, control data, packets. */
const HEADER_BYTES = 64;
const VECTORS_AT = BATCH * HEADER_BYTES;
const ADDRESSES_AT = VECTORS_AT + BATCH * 16;
const CONTROLS_AT = ADDRESSES_AT + BATCH * 16;
const PACKETS_AT = CONTROLS_AT + BATCH * CONTROL_BYTES;

/** What a socket tells the I/O that opened it. */
interface SocketOwner {
  forget(socket: BatchedSocket): void;
  setWatched(socket: BatchedSocket): void;
}

class BatchedSocket implements MediaSocket {
  readonly fd: number;
  readonly port: number;
  readonly receive: Receive;
  readonly isRare: boolean;
  isUrgent = false;
  readonly #calls: k.KernelCalls;
  readonly #owner: SocketOwner;

  constructor(
    options: { fd: number; port: number; receive: Receive; isRare: boolean },
    calls: k.KernelCalls,
    owner: SocketOwner,
  ) {
    this.fd = options.fd;
    this.port = options.port;
    this.receive = options.receive;
    this.isRare = options.isRare;
    this.#calls = calls;
    this.#owner = owner;
  }

  send(packet: Uint8Array, length: number, to: Endpoint): void {
    to.kernelAddress ??= k.kernelAddress(to.host, to.port);
    this.#calls.sendto(this.fd, packet, length, k.MSG_DONTWAIT, to.kernelAddress, 16);
  }

  setUrgent(isUrgent: boolean): void {
    if (isUrgent === this.isUrgent) return;
    this.isUrgent = isUrgent;
    this.#owner.setWatched(this);
  }

  close(): void {
    this.setUrgent(false);
    this.#owner.forget(this);
    this.#calls.close(this.fd);
  }
}

/**
 * Sockets by system calls of our own, a batch of packets a call, and a tick by a kernel timer: no event, object or copy
 * for a packet. The thread sleeps in `epoll_wait`, between two turns of Node's loop, and the engine wakes it through an
 * eventfd. The kernel stamps each packet's arrival, so that jitter is known although packets are fetched once a tick.
 * @param openFds shared with the engine, one byte a descriptor, so that it can close them should the thread die
 * @throws DispatchError INTERNAL where it cannot work
 */
export function openBatchedIo(host: string, openFds: Uint8Array): MediaIo {
  if (!isIPv4(host)) throw new DispatchError('INTERNAL', 'batched sockets are for IPv4');
  const calls = k.loadKernelCalls();
  const vector = new ReceiveVector(calls);
  let sockets: BatchedSocket[] = [];
  let rareSockets: BatchedSocket[] = [];
  const urgentSockets = new Map<number, BatchedSocket>();
  let drains = 0;
  let isStopped = false;

  const epoll = own(calls.epoll_create1(k.CLOSE_ON_EXEC));
  const timer = own(calls.timerfd_create(k.CLOCK_MONOTONIC, k.NON_BLOCKING | k.CLOSE_ON_EXEC));
  const wakeFd = own(calls.eventfd(0, k.NON_BLOCKING | k.CLOSE_ON_EXEC));
  watch(timer, TIMER);
  watch(wakeFd, WAKE);

  function own(fd: number): number {
    if (fd < 0) throw new DispatchError('INTERNAL', calls.lastError());
    openFds[fd] = 1;
    return fd;
  }

  function watch(fd: number, number: number): void {
    const event = new Uint8Array(k.EPOLL_EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, k.EPOLLIN, true);
    view.setUint32(k.EPOLL_DATA_AT, number, true);
    if (calls.epoll_ctl(epoll, k.EPOLL_CTL_ADD, fd, event) < 0) throw new DispatchError('INTERNAL', calls.lastError());
  }

  function setWatched(socket: BatchedSocket): void {
    if (socket.isUrgent) {
      urgentSockets.set(socket.fd, socket);
      watch(socket.fd, URGENT + socket.fd);
    } else if (urgentSockets.delete(socket.fd))
      calls.epoll_ctl(epoll, k.EPOLL_CTL_DEL, socket.fd, new Uint8Array(k.EPOLL_EVENT_BYTES));
  }

  function open(
    address: string,
    port: number,
    receive: Receive,
    done: (error: NodeJS.ErrnoException | undefined, socket?: MediaSocket) => void,
    isRare = false,
  ): void {
    const fd = calls.socket(k.AF_INET, k.SOCK_DGRAM | k.NON_BLOCKING | k.CLOSE_ON_EXEC, 0);
    if (fd < 0) return done(failure(calls.lastError()));
    if (calls.bind(fd, k.kernelAddress(address, port), 16) < 0) {
      const error = failure(calls.lastError());
      calls.close(fd);
      return done(error);
    }
    openFds[fd] = 1;
    calls.setsockopt(fd, k.SOL_SOCKET, k.SO_TIMESTAMPNS, uint32(1), 4);
    calls.setsockopt(fd, k.SOL_SOCKET, k.SO_RCVBUF, uint32(RECEIVE_BUFFER_BYTES), 4);
    const bound = new Uint8Array(16);
    calls.getsockname(fd, bound, uint32(16));
    const socket = new BatchedSocket({ fd, port: bound[2]! * 256 + bound[3]!, receive, isRare }, calls, {
      forget,
      setWatched,
    });
    if (isRare) rareSockets = [...rareSockets, socket];
    else sockets = [...sockets, socket];
    done(undefined, socket);
  }

  function forget(socket: BatchedSocket): void {
    openFds[socket.fd] = 0;
    if (socket.isRare) rareSockets = rareSockets.filter((other) => other !== socket);
    else sockets = sockets.filter((other) => other !== socket);
  }

  function drain(): void {
    vector.setClocks();
    for (let i = 0; i < sockets.length; i += 1) if (!sockets[i]!.isUrgent) vector.drain(sockets[i]!);
    drains += 1;
    if (drains % RARE_DRAINS === 0) for (let i = 0; i < rareSockets.length; i += 1) vector.drain(rareSockets[i]!);
  }

  function run(tick: (nowMs: number, skipped: number, latenessMs: number) => void): void {
    const events = new Uint8Array(EVENTS * k.EPOLL_EVENT_BYTES);
    const eventsView = new DataView(events.buffer);
    const count = new Uint8Array(8);
    const countView = new DataView(count.buffer);
    const period = new BigInt64Array([0n, BigInt(TICK_MS * 1e6), 0n, BigInt(TICK_MS * 1e6)]);
    calls.timerfd_settime(timer, 0, new Uint8Array(period.buffer), null);
    let dueMs = systemClock.monotonic() + TICK_MS;

    // Between two sleeps Node's loop turns once, so that messages and promises get their turn: at every tick, and when the
    // engine calls. Urgent packets are served without that.
    const turn = () => {
      for (let isDue = false; !isDue && !isStopped;) {
        const ready = calls.epoll_wait(epoll, events, EVENTS, 1000);
        isDue = ready <= 0;
        if (urgentSockets.size > 0) vector.setClocks();
        for (let i = 0; i < ready; i += 1) {
          const number = eventsView.getUint32(i * k.EPOLL_EVENT_BYTES + k.EPOLL_DATA_AT, true);
          if (number >= URGENT) {
            const socket = urgentSockets.get(number - URGENT);
            if (socket) vector.drain(socket);
            continue;
          }
          isDue = true;
          const fd = number === TIMER ? timer : wakeFd;
          if (calls.read(fd, count, 8) !== 8 || number !== TIMER) continue;
          // The kernel tells how many periods have ended since the last look: all but one are skipped.
          const ended = countView.getUint32(0, true);
          const nowMs = systemClock.monotonic();
          const latenessMs = nowMs - dueMs;
          dueMs += ended * TICK_MS;
          tick(nowMs, ended - 1, latenessMs);
        }
      }
      if (!isStopped) setImmediate(turn);
    };
    setImmediate(turn);
  }

  function stop(): void {
    isStopped = true;
    for (const fd of [epoll, timer]) {
      openFds[fd] = 0;
      calls.close(fd);
    }
    // The eventfd is closed by the engine, who writes to it.
  }

  return { kind: 'batched', wakeFd, open, drain, run, stop };
}

/** The memory that `recvmmsg` fills, laid out once and used for every socket in turn. */
class ReceiveVector {
  readonly #calls: k.KernelCalls;
  readonly #memory = new Uint8Array(new ArrayBuffer(PACKETS_AT + BATCH * PACKET_BYTES));
  readonly #words = new Uint32Array(this.#memory.buffer);
  readonly #packets: Uint8Array[] = [];
  readonly #time = new Uint8Array(new ArrayBuffer(16));
  readonly #timeWords = new Uint32Array(this.#time.buffer);
  #nowMs = 0;

  constructor(calls: k.KernelCalls) {
    this.#calls = calls;
    const base = calls.addressOf(this.#memory);
    const view = new DataView(this.#memory.buffer);
    const pointer = (at: number, to: number) => view.setBigUint64(at, base + BigInt(to), true);
    const size = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
    for (let i = 0; i < BATCH; i += 1) {
      // struct mmsghdr { msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen, msg_flags; msg_len }
      const header = i * HEADER_BYTES;
      const packet = PACKETS_AT + i * PACKET_BYTES;
      pointer(header, ADDRESSES_AT + i * 16);
      pointer(header + 16, VECTORS_AT + i * 16);
      size(header + 24, 1);
      pointer(header + 32, CONTROLS_AT + i * CONTROL_BYTES);
      pointer(VECTORS_AT + i * 16, packet);
      size(VECTORS_AT + i * 16 + 8, PACKET_BYTES);
      this.#packets.push(this.#memory.subarray(packet, packet + PACKET_BYTES));
      this.#rewind(i);
    }
  }

  /** Arrival is stamped by the wall clock; it is turned into monotonic time by its distance from now. */
  setClocks(): void {
    this.#calls.clock_gettime(k.CLOCK_REALTIME, this.#time);
    this.#nowMs = systemClock.monotonic();
  }

  drain(socket: BatchedSocket): void {
    const memory = this.#memory;
    const words = this.#words;
    for (let round = 0; round < ROUNDS; round += 1) {
      const count = this.#calls.recvmmsg(socket.fd, memory, BATCH, k.MSG_DONTWAIT, null);
      for (let i = 0; i < count; i += 1) {
        const from = ADDRESSES_AT + i * 16;
        const host =
          memory[from + 4]! * 0x1000000 + ((memory[from + 5]! << 16) | (memory[from + 6]! << 8) | memory[from + 7]!);
        const key = host * 65_536 + ((memory[from + 2]! << 8) | memory[from + 3]!);
        const length = words[i * 16 + 14]!;
        const arrivedAtMs = this.#arrival(CONTROLS_AT + i * CONTROL_BYTES);
        this.#rewind(i);
        socket.receive(this.#packets[i]!, length, key, arrivedAtMs);
      }
      if (count < BATCH) return;
    }
  }

  /** The kernel wrote how much of the name and control fields it used; they must be offered whole again. */
  #rewind(i: number): void {
    this.#words[i * 16 + 2] = 16;
    this.#words[i * 16 + 10] = CONTROL_BYTES;
  }

  #arrival(control: number): number {
    const at = control / 4;
    const words = this.#words;
    // struct cmsghdr { size_t len; int level, type } before the struct timespec.
    if (words[at + 2] !== k.SOL_SOCKET || words[at + 3] !== k.SO_TIMESTAMPNS) return this.#nowMs;
    const seconds = (this.#timeWords[0]! - words[at + 4]!) | 0;
    const agoMs = seconds * 1000 + (this.#timeWords[2]! - words[at + 6]!) / 1e6;
    // The wall clock may have been stepped in between.
    return agoMs >= 0 && agoMs < 1000 ? this.#nowMs - agoMs : this.#nowMs;
  }
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function failure(code: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(code);
  error.code = code;
  return error;
}
