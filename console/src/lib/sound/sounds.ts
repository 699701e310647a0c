import type { Level } from '@tocsin/protocol/common.ts';

/**
 * What the desk sounds like, made of oscillators: nothing to download, nothing to go missing. Alarms are told apart by
 * rhythm first, pitch second. Alarms go to the loudspeaker, voices to the headset; the two are chosen apart.
 */

interface Note {
  /** Seconds from the start of the figure. */
  at: number;
  hz: number;
  forS: number;
  shape?: OscillatorType;
}

const note = (at: number, hz: number, forS: number, shape: OscillatorType = 'triangle'): Note => ({
  at,
  hz,
  forS,
  shape,
});

/** Level 1 three quick notes every 4 s; 2 two every 6 s; 3 one every 15 s; 4 one, once. */
export const ALARM_FIGURES: Record<Level, { notes: readonly Note[]; everyMs: number | undefined }> = {
  1: { notes: [note(0, 1480, 0.13), note(0.18, 1480, 0.13), note(0.36, 1480, 0.2)], everyMs: 4000 },
  2: { notes: [note(0, 1100, 0.18), note(0.28, 880, 0.26)], everyMs: 6000 },
  3: { notes: [note(0, 660, 0.35)], everyMs: 15_000 },
  4: { notes: [note(0, 494, 0.3)], everyMs: undefined },
};

const WOOD_BLOCK: readonly Note[] = [note(0, 820, 0.035, 'square')];

const FIGURES = {
  granted: [note(0, 700, 0.03, 'sine'), note(0.03, 1050, 0.03, 'sine')],
  refused: [note(0, 220, 0.09, 'square'), note(0.14, 220, 0.09, 'square')],
  'must-end': [note(0, 880, 0.06, 'sine')],
  started: [note(0, 330, 0.25, 'sine')],
  question: [note(0, 587, 0.16), note(0.2, 784, 0.24)],
  joined: [note(0, 1200, 0.02, 'sine')],
  'ring-line': [
    note(0, 440, 0.4, 'sine'),
    note(0, 480, 0.4, 'sine'),
    note(0.6, 440, 0.4, 'sine'),
    note(0.6, 480, 0.4, 'sine'),
  ],
  'ring-colleague': [note(0, 620, 0.5, 'sine')],
  'ring-device': [note(0, 880, 0.12), note(0.16, 1175, 0.12), note(0.32, 880, 0.12), note(0.48, 1175, 0.12)],
} satisfies Record<string, readonly Note[]>;
export type SoundName = keyof typeof FIGURES;

const SOFT_ATTACK_S = 0.02;
/** -12 dB under speech. */
const ALARM_GAIN = 0.25;
/** While the dispatcher listens or talks alarms are lower, never silent. */
const DUCKED = 0.35;

class Sounds {
  #context: AudioContext | undefined;
  #alarmTimer: ReturnType<typeof setTimeout> | undefined;
  #alarm: { level: Level; isDrill: boolean } | undefined;
  #isDucked = false;
  #loudspeaker = '';

  /** One figure, now. */
  play(name: SoundName, gain = 0.18): void {
    this.#sound(FIGURES[name], gain, 0);
  }

  /** The highest waiting level sounds and goes on sounding until it is another, or none. */
  alarm(level: Level | undefined, options: { isDrill: boolean } = { isDrill: false }): void {
    if (this.#alarm?.level === level && this.#alarm?.isDrill === options.isDrill) return;
    clearTimeout(this.#alarmTimer);
    this.#alarm = level === undefined ? undefined : { level, isDrill: options.isDrill };
    this.#soundAlarm();
  }

  /** How a level sounds, once: for the settings page. */
  demonstrate(level: Level): void {
    this.wake();
    this.#sound(ALARM_FIGURES[level].notes, ALARM_GAIN, 0);
  }

  duck(isDucked: boolean): void {
    this.#isDucked = isDucked;
  }

  /** The loudspeaker for alarms; empty is the system's own. */
  chooseLoudspeaker(device: string): void {
    this.#loudspeaker = device;
    this.#applyLoudspeaker();
  }

  /** Browsers let a page sound only after a press; called at the first one. */
  wake(): void {
    void this.#open()?.resume();
  }

  /** False when the browser still waits for a press, or has no sound: the header says so. */
  get isAwake(): boolean {
    return this.#context?.state === 'running';
  }

  #soundAlarm(): void {
    if (!this.#alarm) return;
    const { notes, everyMs } = ALARM_FIGURES[this.#alarm.level];
    const gain = ALARM_GAIN * (this.#isDucked ? DUCKED : 1);
    if (this.#alarm.isDrill) this.#sound(WOOD_BLOCK, gain, 0);
    this.#sound(notes, gain, this.#alarm.isDrill ? 0.15 : 0);
    if (everyMs !== undefined) this.#alarmTimer = setTimeout(() => this.#soundAlarm(), everyMs);
  }

  #sound(notes: readonly Note[], gain: number, delayS: number): void {
    const context = this.#open();
    if (!context || context.state === 'suspended') return;
    for (const { at, hz, forS, shape } of notes) {
      const from = context.currentTime + delayS + at;
      const oscillator = new OscillatorNode(context, { type: shape ?? 'sine', frequency: hz });
      const envelope = new GainNode(context, { gain: 0 });
      const attack = Math.min(SOFT_ATTACK_S, forS / 3);
      envelope.gain.setValueAtTime(0, from);
      envelope.gain.linearRampToValueAtTime(gain, from + attack);
      envelope.gain.setValueAtTime(gain, from + forS - attack);
      envelope.gain.linearRampToValueAtTime(0, from + forS);
      oscillator.connect(envelope).connect(context.destination);
      oscillator.start(from);
      oscillator.stop(from + forS + 0.01);
    }
  }

  #open(): AudioContext | undefined {
    if (!this.#context && typeof AudioContext !== 'undefined') {
      this.#context = new AudioContext({ latencyHint: 'interactive' });
      this.#applyLoudspeaker();
    }
    return this.#context;
  }

  #applyLoudspeaker(): void {
    const context = this.#context as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | undefined;
    void context?.setSinkId?.(this.#loudspeaker).catch(() => undefined);
  }
}

export const sounds = new Sounds();
