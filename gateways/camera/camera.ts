import type { GatewayResource } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { sleep, type Clock, type Timer } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import type { Faults } from '../kit/faults.ts';
import { OnvifCamera, type MoveOutcome, type Movement } from './onvif/onvif-camera.ts';
import { describe, type CameraAddress, type Description } from './rtsp/describe.ts';
import { Sender, type Destination } from './sender.ts';
import { complaintInWords, type Complaint } from './trouble.ts';

export const CAMERA_LIMITS = {
  /** How often a camera that nobody watches is asked whether it is there. */
  lookEveryMs: 10_000,
  /** Pictures that have not come for so long have stopped. */
  picturesWithinMs: 3000,
  /** From the start of a sender to its first picture. */
  firstPictureWithinMs: 12_000,
  /** Waits between attempts, doubled up to the longest. */
  retryAfterMs: 1000,
  retryAfterAtMostMs: 15_000,
} as const;

/** One camera, as its gateway knows it. */
export interface CameraConfig extends CameraAddress {
  id: string;
  /** How its packets come: within the connection, or by UDP. */
  transport?: 'tcp' | 'udp';
  /** `auto`: H.264 goes through as it is, everything else is encoded anew. `always`: for cameras whose H.264 browsers do not take. */
  encodeAnew?: 'auto' | 'always';
  /** `http://host[:port]/onvif/device_service`, of a camera whose head can be moved. */
  onvif?: string;
}

export interface CameraParts {
  ffmpeg: string;
  clock: Clock;
  chance: Chance;
  log: Log;
  faults: Faults;
  tell: (resource: GatewayResource) => void;
}

interface Wanted {
  stream: string;
  to: Destination;
  over: AbortController;
  lease: Timer;
}

/** A camera under supervision: asked at intervals while nobody watches, pulled and sent on while somebody does. */
export class Camera implements AsyncDisposable {
  readonly config: CameraConfig;
  readonly #parts: CameraParts;
  readonly #look: Timer;
  #wanted: Wanted | undefined;
  #sender: Sender | undefined;
  #running: Promise<void> = Promise.resolve();
  #isLooking = false;
  #isClosed = false;
  #pulls = 0;
  /** Sent on by the sender of now. */
  #pictures = 0;
  readonly #head: OnvifCamera | undefined;
  #moving: Timer | undefined;
  #orders: Promise<unknown> = Promise.resolve();
  state: GatewayResource;

  constructor(config: CameraConfig, parts: CameraParts) {
    this.config = config;
    this.#parts = parts;
    this.state = { id: config.id, kind: 'camera', state: 'ready' };
    const { onvif, username = '', password = '' } = config;
    this.#head = onvif === undefined ? undefined : new OnvifCamera(onvif, { username, password }, parts);
    this.#look = parts.clock.every(CAMERA_LIMITS.lookEveryMs, () => void this.look());
  }

  snapshot() {
    const { id } = this.config;
    return {
      id,
      state: this.state.state,
      detail: this.state.detail,
      isWanted: !!this.#wanted,
      pulls: this.#pulls,
      pictures: this.#pictures,
    };
  }

  /** The picture is wanted there, for so long. Said again, it goes on; another stream takes the place of this one. */
  send(stream: string, to: Destination, forMs: number): void {
    if (this.#isClosed) return;
    const lease = this.#parts.clock.after(forMs, () => this.stop(stream));
    if (this.#wanted?.stream === stream) {
      this.#wanted.lease.cancel();
      this.#wanted.lease = lease;
      return;
    }
    this.#giveUp();
    const wanted: Wanted = { stream, to, over: new AbortController(), lease };
    this.#wanted = wanted;
    // One after the other: most cameras serve few viewers at the same time.
    this.#running = this.#running.then(() => this.#pull(wanted));
  }

  stop(stream: string): void {
    if (this.#wanted?.stream === stream) this.#giveUp();
  }

  /** Asks the camera whether it is there, unless its picture tells. */
  async look(): Promise<Description | undefined> {
    if (this.#isClosed || this.#isLooking || this.#wanted) return undefined;
    this.#isLooking = true;
    try {
      const [found] = await Promise.all([this.#describe(), this.#head?.isMovable ? undefined : this.#head?.open()]);
      if (!this.#wanted) this.#tell(found.kind === 'trouble' ? found.complaint : undefined);
      return found;
    } finally {
      this.#isLooking = false;
    }
  }

  /** Moves the head, and stops it by ourselves when nobody says so again in time. */
  move(movement: Movement, forMs: number): Promise<MoveOutcome> {
    this.#moving?.cancel();
    const { pan, tilt, zoom } = movement;
    const isStop = pan === 0 && tilt === 0 && zoom === 0;
    if (!isStop) this.#moving = this.#parts.clock.after(forMs, () => void this.#order((head) => head.stop()));
    return this.#order((head) => (isStop ? head.stop() : head.move(movement, forMs)));
  }

  goTo(preset: string): Promise<MoveOutcome> {
    this.#moving?.cancel();
    return this.#order((head) => head.goTo(preset));
  }

  /** One after the other, or a stop overtakes the movement that it is to end. */
  #order(run: (head: OnvifCamera) => Promise<MoveOutcome>): Promise<MoveOutcome> {
    const head = this.#head;
    if (!head) return Promise.resolve({ kind: 'refused', because: 'this camera cannot be moved' });
    const done = this.#orders.then(() => run(head));
    this.#orders = done.catch(() => undefined);
    return done;
  }

  /** A fault for an exercise: `cut` takes the way to the camera, `freeze` stops our sender in its tracks. */
  faultChanged(): void {
    const fault = this.#parts.faults.on(this.config.id);
    this.#sender?.freeze(fault === 'freeze');
    if (fault === 'cut') void this.#sender?.end();
    void this.look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#look.cancel();
    this.#moving?.cancel();
    this.#giveUp();
    await this.#running;
  }

  #giveUp(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.lease.cancel();
    wanted?.over.abort();
  }

  /** Keeps the picture coming until nobody wants it. */
  async #pull(wanted: Wanted): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = wanted.over;
    let failures = 0;
    while (!signal.aborted) {
      const outcome = await this.#pullOnce(wanted).catch((error: unknown) => {
        log.error('camera could not be pulled', { camera: this.config.id, error });
        return { pictures: 0, complaint: { trouble: 'camera-sender-failed' } satisfies Complaint };
      });
      if (signal.aborted) return;
      this.#tell(outcome.complaint);
      // One that did send is tried again at once; one that never does, ever more rarely.
      failures = outcome.pictures > 0 ? 0 : failures + 1;
      const waitMs = CAMERA_LIMITS.retryAfterMs * 2 ** Math.max(0, failures - 1);
      await sleep(clock, Math.min(waitMs, CAMERA_LIMITS.retryAfterAtMostMs), signal).catch(() => {});
    }
  }

  async #pullOnce({ to, over: { signal } }: Wanted): Promise<{ pictures: number; complaint: Complaint }> {
    const { clock, ffmpeg } = this.#parts;
    const found = await this.#describe();
    if (found.kind === 'trouble') return { pictures: 0, complaint: found.complaint };
    if (signal.aborted) return { pictures: 0, complaint: { trouble: 'camera-silent' } };
    let pictures = 0;
    let isSilent = false;
    const sender = new Sender({
      ffmpeg,
      address: this.config,
      transport: this.config.transport ?? 'tcp',
      isEncodedAnew: this.config.encodeAnew === 'always' || found.codec !== 'H264',
      to,
      onPictures: (count) => {
        pictures = count;
        this.#pictures = count;
        this.#tell(undefined);
        watch(CAMERA_LIMITS.picturesWithinMs);
      },
    });
    this.#sender = sender;
    this.#pulls += 1;
    this.#pictures = 0;
    let timer: Timer | undefined;
    const watch = (withinMs: number) => {
      timer?.cancel();
      timer = clock.after(withinMs, () => {
        isSilent = true;
        this.#tell({ trouble: 'camera-silent' });
        void sender.end();
      });
    };
    watch(CAMERA_LIMITS.firstPictureWithinMs);
    const end = () => void sender.end();
    signal.addEventListener('abort', end, { once: true });
    const { complaint } = await sender.ended;
    timer?.cancel();
    signal.removeEventListener('abort', end);
    this.#sender = undefined;
    this.#pictures = 0;
    if (isSilent || signal.aborted) return { pictures, complaint: { trouble: 'camera-silent' } };
    // Why it ended is best said by the camera itself.
    const after = await this.#describe();
    return {
      pictures,
      complaint: after.kind === 'trouble' ? after.complaint : { trouble: 'camera-sender-failed', detail: complaint },
    };
  }

  async #describe(): Promise<Description> {
    const { clock, chance, faults } = this.#parts;
    if (faults.on(this.config.id) === 'cut')
      return { kind: 'trouble', complaint: { trouble: 'camera-unreachable', detail: 'cut for an exercise' } };
    return describe(this.config, { clock, chance });
  }

  #tell(complaint: Complaint | undefined): void {
    if (this.#isClosed) return;
    const { id } = this.config;
    const head = this.#head?.isMovable ? { presets: [...this.#head.presets] } : {};
    this.state = complaint
      ? { id, kind: 'camera', state: 'down', detail: complaintInWords(complaint), ...head }
      : { id, kind: 'camera', state: 'ready', ...head };
    this.#parts.tell(this.state);
  }
}
