import type { Location } from '@tocsin/protocol/common.ts';
import type { FieldHello, ServerToField } from '@tocsin/protocol/video.ts';
import { FieldLink } from '#link/open-field-link.ts';
import { waitBeforeAttempt } from '#media/backoff.ts';
import { FieldMedia, type FieldFigures } from '#media/field-media.ts';
import { measureLoudness } from '#media/loudness.ts';

/**
 * `opening`: the link is being shown to the server. `ready`: one tap starts. `starting`: camera and way are being opened.
 * `live`: the centre sees. `broken`: it saw; being mended. `refused`, `ended`: over, `because` says why.
 */
export type FieldPhase = 'opening' | 'ready' | 'starting' | 'live' | 'broken' | 'refused' | 'ended';

const LOCATION_EVERY_MS = 5000;
const LOOK_EVERY_MS = 2000;
/** Below this a moving picture turns to blocks. */
const WEAK_BPS = 350_000;

/** A field phone: one tap sends picture, sound and location, and the voice of the centre comes back. */
export class FieldPhone {
  phase = $state<FieldPhase>('opening');
  because = $state('');
  /** Why the camera or the microphone could not be had, when one of them is missing. */
  missing = $state.raw<{ camera?: string; microphone?: string }>({});
  isConnected = $state(false);
  hello = $state.raw<FieldHello>();
  status = $state.raw<Parameters<ServerToField['status']>[0]>();
  preview = $state.raw<MediaStream>();
  voice = $state.raw<MediaStream>();
  /** How loud the centre is, in dBFS. */
  voiceDb = $state(-100);
  isMuted = $state(false);
  hasTorch = $state(false);
  isTorchOn = $state(false);
  facing = $state<'environment' | 'user'>('environment');
  locating = $state<'off' | 'waiting' | 'on' | 'refused'>('off');
  location = $state.raw<Location>();
  liveSince = $state<number>();
  figures = $state.raw<FieldFigures>();
  batteryPercent = $state<number>();
  readonly #claimKey: string;
  readonly #link: FieldLink;
  #media: FieldMedia | undefined;
  #camera: MediaStreamTrack | undefined;
  #microphone: MediaStreamTrack | undefined;
  #isCallWanted = false;
  #stopMeasuring: (() => void) | undefined;
  #watch: number | undefined;
  #located: Location | undefined;
  #timers: ReturnType<typeof setInterval>[] = [];
  #wakeLock: WakeLockSentinel | undefined;
  #attempt = 0;
  #building: Promise<void> | undefined;

  constructor(link: string) {
    this.#claimKey = `tocsin.field.${link.slice(0, 16)}`;
    this.#link = new FieldLink(link, {
      connected: () => void this.#open(),
      lost: () => (this.isConnected = false),
      refused: (code) => this.#over('refused', code),
      callWanted: (isWanted) => void this.#call(isWanted),
      mustReopen: () => void this.#rebuild(),
      status: (status) => (this.status = status),
      ended: (because) => this.#over('ended', because),
    });
    document.addEventListener('visibilitychange', this.#seen);
  }

  get isWeak(): boolean {
    return this.figures?.availableBps !== undefined && this.figures.availableBps < WEAK_BPS;
  }

  /** The one tap. The browser asks for camera, microphone and place; each that is refused is left out, and said. */
  async start(): Promise<void> {
    if (this.phase !== 'ready' || !this.hello) return;
    this.phase = 'starting';
    this.#locate();
    await this.#takeDevices();
    if (!this.#camera && !this.#microphone) {
      this.phase = 'ready';
      return;
    }
    this.#keepAwake();
    this.#readBattery();
    this.#timers.push(setInterval(() => void this.#look(), LOOK_EVERY_MS));
    await this.#rebuild();
  }

  async flip(): Promise<void> {
    this.facing = this.facing === 'environment' ? 'user' : 'environment';
    const track = await cameraTrack(this.facing).catch(() => undefined);
    if (!track) return;
    this.#camera?.stop();
    this.#useCamera(track);
    await this.#media?.replace('camera', track);
  }

  setMuted(isMuted: boolean): void {
    this.isMuted = isMuted;
    if (this.#microphone) this.#microphone.enabled = !isMuted;
    if (this.#callTrack) this.#callTrack.enabled = !isMuted;
  }

  async setTorch(isOn: boolean): Promise<void> {
    const wanted = { advanced: [{ torch: isOn }] } as unknown as MediaTrackConstraints;
    await this.#camera?.applyConstraints(wanted).then(
      () => (this.isTorchOn = isOn),
      () => undefined,
    );
  }

  async stop(): Promise<void> {
    await this.#link.ask({ ask: 'stop' });
    this.#over('ended', 'phone-ended');
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#seen);
    this.#letGo();
    this.#link.close();
  }

  /** At every connection the page shows who it is; what flows meanwhile is left flowing. */
  async #open(): Promise<void> {
    this.isConnected = true;
    const claim = recall(this.#claimKey);
    const opened = await this.#link.ask({ ask: 'open', ...(claim ? { claim } : {}) });
    if (!opened.ok) {
      if (opened.code === 'FEED_UNKNOWN' || opened.code === 'FEED_CLAIMED') return this.#over('refused', opened.code);
      this.because = opened.code;
      this.#attempt += 1;
      setTimeout(() => {
        if (this.isConnected && this.phase !== 'ended') void this.#open();
      }, waitBeforeAttempt(this.#attempt));
      return;
    }
    this.#attempt = 0;
    this.because = '';
    this.hello = opened.value as FieldHello;
    keep(this.#claimKey, this.hello.claim);
    this.#isCallWanted = this.hello.isCallWanted;
    if (this.phase === 'opening') this.phase = 'ready';
    else if (this.#media && this.phase !== 'ended') {
      if (this.#media.isOpen) await this.#call(this.#isCallWanted);
      else this.#media.mend();
    }
    this.#sendLocation();
  }

  /** Opens the way to the centre, or opens it again, and sends what the phone has. One at a time. */
  #rebuild(): Promise<void> {
    this.#building ??= this.#build().finally(() => (this.#building = undefined));
    return this.#building;
  }

  async #build(): Promise<void> {
    if (this.phase === 'ended' || this.phase === 'refused' || this.phase === 'ready' || this.phase === 'opening')
      return;
    this.#media?.close();
    this.#media = undefined;
    try {
      // A worker that was restarted has other capabilities to offer; what the last hello said may be old.
      const claim = recall(this.#claimKey);
      const opened = await this.#link.ask({ ask: 'open', ...(claim ? { claim } : {}) });
      if (!opened.ok) throw new Error(opened.code);
      this.hello = opened.value as FieldHello;
      this.#isCallWanted = this.hello.isCallWanted;
      const media = await FieldMedia.open(this.hello.routerRtpCapabilities, (request) => this.#link.ask(request), {
        way: (state) => this.#way(state),
        mustReopen: () => void this.#rebuild(),
      });
      this.#media = media;
      if (this.#camera) await media.send('camera', this.#camera);
      if (this.#microphone) await media.send('microphone', this.#microphone);
      this.#way('open');
      if (this.#isCallWanted) await this.#call(true);
    } catch (error) {
      this.because = error instanceof Error ? error.message : String(error);
      this.#way('broken');
      this.#attempt += 1;
      setTimeout(() => void this.#rebuild(), waitBeforeAttempt(this.#attempt));
    }
  }

  #way(state: 'open' | 'broken'): void {
    if (this.phase === 'ended' || this.phase === 'refused') return;
    if (state === 'open') {
      this.#attempt = 0;
      this.because = '';
      this.liveSince ??= Date.now();
      this.phase = 'live';
    } else {
      this.phase = this.liveSince === undefined ? 'starting' : 'broken';
    }
  }

  #callTrack: MediaStreamTrack | undefined;

  /** A conference wants this phone's voice, or no longer. */
  async #call(isWanted: boolean): Promise<void> {
    this.#isCallWanted = isWanted;
    const media = this.#media;
    if (!media) return;
    if (!isWanted) {
      this.#stopMeasuring?.();
      this.#stopMeasuring = undefined;
      this.voice = undefined;
      this.voiceDb = -100;
      this.#callTrack?.stop();
      this.#callTrack = undefined;
      media.stopHearing();
      await media.stopSending('call-microphone');
      return;
    }
    try {
      if (this.#microphone) {
        this.#callTrack?.stop();
        // The same microphone once more, as G.711: it is muted and ends on its own.
        this.#callTrack = this.#microphone.clone();
        this.#callTrack.enabled = !this.isMuted;
        await media.send('call-microphone', this.#callTrack);
      }
      const track = await media.hear();
      this.#stopMeasuring?.();
      this.#stopMeasuring = track && measureLoudness(track, (levelDb) => (this.voiceDb = levelDb));
      this.voice = track && new MediaStream([track]);
    } catch (error) {
      this.because = error instanceof Error ? error.message : String(error);
    }
  }

  async #takeDevices(): Promise<void> {
    const missing: { camera?: string; microphone?: string } = {};
    if (!navigator.mediaDevices?.getUserMedia) {
      this.missing = { camera: 'insecure', microphone: 'insecure' };
      return;
    }
    const nameOf = (error: unknown) => (error instanceof DOMException ? error.name : 'failed');
    await cameraTrack(this.facing).then(
      (track) => this.#useCamera(track),
      (error: unknown) => (missing.camera = nameOf(error)),
    );
    await navigator.mediaDevices
      .getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
      .then(
        (stream) => (this.#microphone = stream.getAudioTracks()[0]),
        (error: unknown) => (missing.microphone = nameOf(error)),
      );
    this.missing = missing;
  }

  #useCamera(track: MediaStreamTrack): void {
    this.#camera = track;
    this.preview = new MediaStream([track]);
    const capabilities = track.getCapabilities?.() as { torch?: boolean } | undefined;
    this.hasTorch = capabilities?.torch === true;
    this.isTorchOn = false;
    // Another app took the camera, or the phone was put away: it is asked for again when the page is seen.
    track.onended = () => void this.#seen();
  }

  #locate(): void {
    if (!navigator.geolocation || this.#watch !== undefined) return;
    this.locating = 'waiting';
    this.#watch = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        this.locating = 'on';
        this.location = {
          latitude: coords.latitude,
          longitude: coords.longitude,
          accuracyMetres: coords.accuracy,
          atMs: Math.round(timestamp),
        };
      },
      ({ code }) => {
        if (code === 1) this.locating = 'refused';
        else if (this.locating !== 'on') this.locating = 'waiting';
      },
      { enableHighAccuracy: true, maximumAge: 2000, timeout: 20_000 },
    );
    this.#timers.push(setInterval(() => this.#sendLocation(), LOCATION_EVERY_MS));
    setTimeout(() => this.#sendLocation(), 1500);
  }

  #sendLocation(): void {
    const location = this.location;
    if (!location || !this.isConnected || this.phase === 'ended' || this.phase === 'ready') return;
    // Standing still is news too, but only every half minute.
    const isOld = this.#located === location && Date.now() - (location.atMs ?? 0) < 30_000;
    if (isOld) return;
    this.#located = location;
    void this.#link.ask({ ask: 'location', location });
  }

  async #look(): Promise<void> {
    this.figures = await this.#media?.figures();
  }

  readonly #seen = async (): Promise<void> => {
    if (document.visibilityState !== 'visible' || (this.phase !== 'live' && this.phase !== 'broken')) return;
    this.#keepAwake();
    if (this.#camera?.readyState === 'ended') {
      const track = await cameraTrack(this.facing).catch(() => undefined);
      if (track) {
        this.#useCamera(track);
        await this.#media?.replace('camera', track);
      }
    }
    this.#media?.mend();
  };

  #keepAwake(): void {
    void navigator.wakeLock?.request('screen').then(
      (lock) => (this.#wakeLock = lock),
      () => undefined,
    );
  }

  #readBattery(): void {
    const { getBattery } = navigator as { getBattery?: () => Promise<EventTarget & { level: number }> };
    void getBattery?.call(navigator).then(
      (battery) => {
        const read = () => (this.batteryPercent = Math.round(battery.level * 100));
        battery.addEventListener('levelchange', read);
        read();
      },
      () => undefined,
    );
  }

  #over(phase: 'ended' | 'refused', because: string): void {
    if (this.phase === 'ended') return;
    this.phase = phase;
    this.because = because;
    this.#letGo();
    if (phase === 'ended') this.#link.close();
  }

  #letGo(): void {
    this.#media?.close();
    this.#media = undefined;
    this.#stopMeasuring?.();
    for (const track of [this.#camera, this.#microphone, this.#callTrack]) {
      if (track) track.onended = null;
      track?.stop();
    }
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    if (this.#watch !== undefined) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = undefined;
    void this.#wakeLock?.release().catch(() => undefined);
    this.preview = undefined;
    this.voice = undefined;
  }
}

async function cameraTrack(facing: 'environment' | 'user'): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: facing }, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } },
  });
  const [track] = stream.getVideoTracks();
  if (!track) throw new Error('the camera gives no picture');
  track.contentHint = 'motion';
  return track;
}

function recall(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Without storage the link can only be opened again on another page by the centre's leave.
  }
}
