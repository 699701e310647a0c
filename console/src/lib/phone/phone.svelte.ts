import { Microphone } from './microphone.ts';
import type { PhoneCall, Registration, Softphone, SoftphoneOptions } from './softphone.ts';

export type { PhoneCall, Registration } from './softphone.ts';

const HEADSET = 'tocsin.headset';
const MICROPHONE = 'tocsin.microphone';

/** The seat's phone, for the screen. sip.js is loaded when the first phone is opened, not with the page. */
class Phone {
  registration = $state<Registration>('off');
  calls = $state.raw<readonly PhoneCall[]>([]);
  isMuted = $state(false);
  /** Loudness of voices, 0-1. */
  headset = $state(recall(HEADSET));
  microphoneDevice = $state(recall(MICROPHONE));
  readonly microphone = new Microphone(this.microphoneDevice || undefined);
  #softphone: Softphone | undefined;

  get isReady(): boolean {
    return this.registration === 'ready';
  }

  /** The key of the word in the header. */
  get headline(): 'phoneReady' | 'phoneRegistering' | 'phoneLost' | 'phoneOff' | 'phoneTrouble' {
    switch (this.registration) {
      case 'ready':
        return 'phoneReady';
      case 'registering':
        return 'phoneRegistering';
      case 'lost':
        return 'phoneLost';
      case 'no-microphone':
        return 'phoneTrouble';
      case 'off':
        return 'phoneOff';
    }
  }

  /** Opens the phone of this seat; one at a time. */
  async open(options: Omit<SoftphoneOptions, 'microphone' | 'speaker' | 'onCalls' | 'onRegistration'>): Promise<void> {
    await this.close();
    const { Softphone } = await import('./softphone.ts');
    this.#softphone = new Softphone({
      ...options,
      microphone: this.microphone,
      speaker: () => this.headset,
      onCalls: (calls) => {
        this.calls = calls;
      },
      onRegistration: (registration) => {
        this.registration = registration;
      },
    });
    await this.#softphone.start();
  }

  async close(): Promise<void> {
    const open = this.#softphone;
    this.#softphone = undefined;
    await open?.close();
    await this.microphone.close();
    this.calls = [];
    this.registration = 'off';
  }

  dial = (number: string) => this.#withMicrophone((phone) => phone.dial(number));
  answer = (id: string) => this.#withMicrophone((phone) => phone.answer(id));
  hangUp = (id: string) => this.#softphone?.hangUp(id);
  hold = (id: string) => this.#softphone?.hold(id);
  retrieve = (id: string) => this.#softphone?.retrieve(id);
  transfer = (id: string, number: string) => this.#softphone?.transfer(id, number);
  join = (id: string, otherId: string) => this.#softphone?.join(id, otherId);
  sendDigit = (id: string, digit: string) => this.#softphone?.sendDigit(id, digit);
  speakOn = (number: string | undefined) => this.#softphone?.speakOn(number);

  setMuted(isMuted: boolean): void {
    this.isMuted = isMuted;
    this.#softphone?.setMuted(isMuted);
  }

  chooseHeadset(device: string): void {
    this.headset = device;
    keep(HEADSET, device);
    this.#softphone?.applySpeaker();
  }

  chooseMicrophone(device: string): void {
    this.microphoneDevice = device;
    keep(MICROPHONE, device);
    this.microphone.choose(device || undefined);
  }

  /** False when there is no phone, or the browser gives no microphone: then the header says so. */
  async #withMicrophone(work: (phone: Softphone) => Promise<void>): Promise<boolean> {
    if (!this.#softphone) return false;
    try {
      await work(this.#softphone);
      if (this.registration === 'no-microphone') this.registration = 'ready';
      return true;
    } catch (failure) {
      if (failure instanceof DOMException) this.registration = 'no-microphone';
      return false;
    }
  }
}

export const phone = new Phone();

function recall(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice lasts as long as the page.
  }
}
