import type { Clock, Timer } from '#kernel/clock.ts';
import type { BridgeNode } from '#media/bridge.ts';
import { RtpPort } from '#media/rtp-port.ts';
import type { Participant } from './participant.ts';

const TELL_EVERY_MS = 100;

/** How loud those are who speak, as the desks draw it: one message for all of a conference, ten times a second at most. */
export class SpeakingLevels {
  readonly #clock: Clock;
  readonly #participants: ReadonlyMap<string, Participant>;
  readonly #tell: (levels: { participant: string; levelDb: number }[]) => void;
  #due?: Timer;

  constructor(
    clock: Clock,
    participants: ReadonlyMap<string, Participant>,
    tell: (levels: { participant: string; levelDb: number }[]) => void,
  ) {
    this.#clock = clock;
    this.#participants = participants;
    this.#tell = tell;
  }

  follow(participant: Participant, node: BridgeNode): void {
    if (!(node instanceof RtpPort)) return;
    node.on('level', ({ levelDb }) => {
      participant.levelDb = levelDb;
      if (participant.view.isSpeaking) this.#due ??= this.#clock.after(TELL_EVERY_MS, () => this.#send());
    });
  }

  #send(): void {
    this.#due = undefined;
    const speaking = [...this.#participants.values()].filter(({ view }) => view.isSpeaking);
    if (speaking.length > 0) this.#tell(speaking.map(({ id, levelDb }) => ({ participant: id, levelDb })));
  }
}
