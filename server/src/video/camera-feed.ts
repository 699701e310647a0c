import type { Timer } from '#kernel/clock.ts';
import type { IntakeAddress, IntakeState } from '#sfu/plain-intake.ts';
import type { Publisher } from '#sfu/publisher.ts';
import type { FeedSnapshot } from './feed-facts.ts';
import type { FeedEnding, FeedState } from './feed-state.ts';
import { Feed, type FeedOptions } from './feed.ts';

/** Named times of a camera's feed. */
export const CAMERA_FEED_LIMITS = {
  /** How often the gateway is told that the picture is still wanted. */
  askEveryMs: 5000,
  /** Without being told again, the gateway stops after this time: a server that was killed leaves no camera pulled. */
  leaseMs: 16_000,
  /** Nobody watches any more: whoever turns a page and comes back finds the picture still there. */
  lingerMs: 10_000,
  /** From the opening to the first who watches. */
  firstViewerWithinMs: 30_000,
  /** After the media worker has died. */
  openAgainAfterMs: 1000,
} as const;

/** Who brings a camera's picture: its gateway. */
export interface CameraSender {
  /** Wanted there, for so long; said again while it is. */
  send(stream: string, to: IntakeAddress, forMs: number): void;
  stop(stream: string): void;
}

export interface CameraFeedOptions extends FeedOptions {
  sender: CameraSender;
  /** Absent: CAMERA_FEED_LIMITS. */
  firstViewerWithinMs?: number;
}

/** A camera's picture while somebody wants it: pulled from the first who watches or records to the last. */
export class CameraFeed extends Feed {
  readonly #sender: CameraSender;
  readonly #asking: Timer;
  #intake: { stream: string; address: IntakeAddress } | undefined;
  #intakeState: IntakeState = 'waiting';
  #trouble: string | undefined;
  #leaving: Timer | undefined;
  #again: Timer | undefined;

  constructor(options: CameraFeedOptions) {
    super(options, 'opened');
    this.#sender = options.sender;
    this.#asking = options.clock.every(CAMERA_FEED_LIMITS.askEveryMs, () => this.#ask());
    this.on('changed', () => this.#look());
    this.#leaveAfter(options.firstViewerWithinMs ?? CAMERA_FEED_LIMITS.firstViewerWithinMs);
    this.#begin();
  }

  override snapshot(): FeedSnapshot {
    const trouble = this.#trouble ?? (this.#intakeState === 'blind' ? 'camera-no-key-frame' : undefined);
    return { ...super.snapshot(), ...(trouble && { trouble }) };
  }

  /** The gateway says why there is no picture, or that all is well again (undefined). */
  tellTrouble(trouble: string | undefined): void {
    if (trouble === this.#trouble || this.state === 'ended') return;
    this.#trouble = trouble;
    // Before the first picture nothing falls silent, and yet it is known that nothing will come.
    if (trouble !== undefined) this.take('media-stopped');
    else if (this.#intakeState === 'flowing') this.take('media-arrived');
    this.events.emit('changed');
  }

  /** Its gateway has come back and knows of nothing. */
  askAgain(): void {
    this.#ask();
  }

  override async end(reason: FeedEnding): Promise<void> {
    if (this.state === 'ended') return;
    this.#asking.cancel();
    this.#leaving?.cancel();
    this.#again?.cancel();
    if (this.#intake) this.#sender.stop(this.#intake.stream);
    await super.end(reason);
  }

  protected override async join(publisher: Publisher): Promise<void> {
    publisher.on('intake', (state) => {
      this.#intakeState = state;
      if (state === 'blind') this.take('media-stopped');
      this.events.emit('changed');
      if (state !== 'silent') return;
      this.#receive(publisher).catch((error: unknown) => {
        this.options.log.warn('camera feed has no intake', { feedId: this.id, error });
      });
    });
    await this.#receive(publisher);
  }

  /** A fresh intake for each pull: an SRTP key serves one sender, and an intake knows one source (RFC 3711 §3.2.1). */
  async #receive(publisher: Publisher): Promise<void> {
    const { address } = await publisher.openIntake();
    this.#intake = { stream: this.options.chance.id('stream'), address };
    this.#intakeState = 'waiting';
    this.#ask();
  }

  protected override publisherDied(): void {
    if (this.#intake) this.#sender.stop(this.#intake.stream);
    this.#intake = undefined;
    this.#beginLater();
  }

  protected override entered(_state: FeedState): void {}

  #begin(): void {
    this.openPublisher().catch((error: unknown) => {
      this.options.log.warn('camera feed waits for the media worker', { feedId: this.id, error });
      this.#beginLater();
    });
  }

  #beginLater(): void {
    if (this.state === 'ended') return;
    this.#again?.cancel();
    this.#again = this.options.clock.after(CAMERA_FEED_LIMITS.openAgainAfterMs, () => this.#begin());
  }

  #ask(): void {
    if (this.#intake && this.state !== 'ended')
      this.#sender.send(this.#intake.stream, this.#intake.address, CAMERA_FEED_LIMITS.leaseMs);
  }

  #look(): void {
    if (this.state === 'ended') return;
    if (this.isWanted) {
      this.#leaving?.cancel();
      this.#leaving = undefined;
    } else if (!this.#leaving) this.#leaveAfter(CAMERA_FEED_LIMITS.lingerMs);
  }

  #leaveAfter(ms: number): void {
    this.#leaving = this.options.clock.after(ms, () => {
      this.#leaving = undefined;
      if (!this.isWanted) void this.end('nobody-watches');
    });
  }
}
