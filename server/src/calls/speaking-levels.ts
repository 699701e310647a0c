import type { Clock, Timer } from '#kernel/clock.ts';
import type { BridgeNode } from '#media/bridge.ts';
import { RtpPort } from '#media/rtp-port.ts';
import { measureQuality } from './leg-quality.ts';
import type { Participant } from './participant.ts';

const TELL_EVERY_MS = 100;
const MEASURE_EVERY_MS = 5000;

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
    let measuredAtMs = -Infinity;
    node.on('level', ({ levelDb }) => {
      const nowMs = this.#clock.monotonic();
      if (nowMs - measuredAtMs >= MEASURE_EVERY_MS) {
        measuredAtMs = nowMs;
        // The desks see it with the next change of his row: there is one whenever somebody begins or ends to speak.
        void measureQuality(node).then((quality) => quality && Object.assign(participant.view, { quality }));
      }
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
