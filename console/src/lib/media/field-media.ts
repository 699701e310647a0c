import type { CommandResult } from '@tocsin/protocol/console.ts';
import type { FieldRequest, FieldSource, TransportParameters } from '@tocsin/protocol/video.ts';
import type { Device, Producer, Transport } from 'mediasoup-client/types';

export type AskField = (request: FieldRequest) => Promise<CommandResult>;

/** What a phone sends at most; the picture gives way first when the network is weak. */
const CAMERA_BPS = 1_800_000;
const RESTART_ICE_AFTER_MS = 2500;
const REOPEN_AFTER_MS = 9000;

export interface FieldFigures {
  /** What the network could carry, by the browser's own estimate. */
  availableBps?: number;
  sentBps: number;
  height: number;
}

interface Listeners {
  /** The way to the centre: `broken` is being mended. */
  way(state: 'open' | 'broken'): void;
  /** Nothing helps any more but opening everything again. */
  mustReopen(): void;
}

/** The sending and the hearing side of a field phone: mediasoup's transports, and their mending. */
export class FieldMedia {
  readonly #ask: AskField;
  readonly #device: Device;
  readonly #listeners: Listeners;
  readonly #producers = new Map<FieldSource, Producer>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #sending: Transport | undefined;
  #receiving: Transport | undefined;
  #isClosed = false;
  #last: { bytes: number; at: number } | undefined;

  private constructor(device: Device, ask: AskField, listeners: Listeners) {
    this.#device = device;
    this.#ask = ask;
    this.#listeners = listeners;
  }

  static async open(routerRtpCapabilities: object, ask: AskField, listeners: Listeners): Promise<FieldMedia> {
    const { Device } = await import('mediasoup-client');
    const device = await Device.factory();
    await device.load({ routerRtpCapabilities: routerRtpCapabilities as never });
    const media = new FieldMedia(device, ask, listeners);
    media.#sending = await media.#openTransport('send');
    return media;
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#sending?.connectionState === 'connected';
  }

  /** Sends a track as this source; what was sent as it before ends. */
  async send(source: FieldSource, track: MediaStreamTrack): Promise<void> {
    const sending = this.#sending;
    if (!sending) return;
    this.#producers.get(source)?.close();
    const codec = this.#codecOf(source);
    const producer = await sending.produce({
      track,
      // The page keeps its tracks: they outlive a transport that has to be opened again.
      stopTracks: false,
      appData: { source },
      ...(codec ? { codec } : {}),
      ...(source === 'camera'
        ? { encodings: [{ maxBitrate: CAMERA_BPS }], codecOptions: { videoGoogleStartBitrate: 800 } }
        : {}),
      ...(source === 'microphone' ? { codecOptions: { opusFec: true, opusDtx: true } } : {}),
    });
    this.#producers.set(source, producer);
  }

  /** Another camera in place of this one, without a break at the centre. */
  async replace(source: FieldSource, track: MediaStreamTrack): Promise<void> {
    const producer = this.#producers.get(source);
    if (producer) await producer.replaceTrack({ track });
    else await this.send(source, track);
  }

  async stopSending(source: FieldSource): Promise<void> {
    const producer = this.#producers.get(source);
    if (!producer) return;
    producer.close();
    this.#producers.delete(source);
    await this.#ask({ ask: 'remove-source', source });
  }

  /** The voice of the centre, as long as a conference has this phone. */
  async hear(): Promise<MediaStreamTrack | undefined> {
    this.#receiving?.close();
    this.#receiving = await this.#openTransport('receive');
    const offered = await this.#ask({ ask: 'consume-voice', rtpCapabilities: this.#device.recvRtpCapabilities });
    if (!offered.ok) return undefined;
    const consumer = await this.#receiving.consume(offered.value as never);
    return consumer.track;
  }

  stopHearing(): void {
    this.#receiving?.close();
    this.#receiving = undefined;
  }

  async figures(): Promise<FieldFigures | undefined> {
    const camera = this.#producers.get('camera');
    const sending = this.#sending;
    if (!sending) return undefined;
    const figures: FieldFigures = { sentBps: 0, height: 0 };
    const reports = await Promise.all([sending.getStats(), camera?.getStats()]).catch(() => []);
    for (const report of reports) {
      report?.forEach((one: Record<string, unknown>) => {
        if (one['type'] === 'candidate-pair' && typeof one['availableOutgoingBitrate'] === 'number') {
          figures.availableBps = one['availableOutgoingBitrate'];
        }
        if (one['type'] === 'outbound-rtp' && one['kind'] === 'video') {
          const bytes = Number(one['bytesSent'] ?? 0);
          const at = Number(one['timestamp']);
          figures.height = Number(one['frameHeight'] ?? 0);
          if (this.#last && at > this.#last.at)
            figures.sentBps = ((bytes - this.#last.bytes) * 8000) / (at - this.#last.at);
          this.#last = { bytes, at };
        }
      });
    }
    return figures;
  }

  /** After the link to the server was away: a way that is not open is asked to find itself again. */
  mend(): void {
    for (const transport of [this.#sending, this.#receiving]) {
      if (transport && transport.connectionState !== 'connected' && transport.connectionState !== 'new') {
        void this.#restartIce(transport);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#clearTimers();
    this.#sending?.close();
    this.#receiving?.close();
    this.#producers.clear();
  }

  #codecOf(source: FieldSource) {
    const wanted = { camera: 'video/vp8', microphone: 'audio/opus', 'call-microphone': 'audio/pcma' }[source];
    return this.#device.sendRtpCapabilities.codecs?.find(({ mimeType }) => mimeType.toLowerCase() === wanted);
  }

  async #openTransport(way: 'send' | 'receive'): Promise<Transport> {
    const opened = await this.#ask({ ask: 'open-transport', way });
    if (!opened.ok) throw new Error(opened.code);
    const parameters = { ...(opened.value as TransportParameters), iceServers: [] } as never;
    const transport =
      way === 'send' ? this.#device.createSendTransport(parameters) : this.#device.createRecvTransport(parameters);
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      void this.#ask({ ask: 'connect', transport: transport.id, dtlsParameters }).then((result) =>
        result.ok ? done() : failed(new Error(result.code)),
      );
    });
    transport.on('produce', ({ rtpParameters, appData }, done, failed) => {
      const { source } = appData as { source: FieldSource };
      void this.#ask({ ask: 'produce', source, rtpParameters }).then((result) =>
        result.ok ? done(result.value as { id: string }) : failed(new Error(result.code)),
      );
    });
    if (way === 'send') transport.on('connectionstatechange', (state) => this.#connection(transport, state));
    return transport;
  }

  #connection(transport: Transport, state: string): void {
    if (this.#isClosed || transport !== this.#sending) return;
    if (state === 'connected') {
      this.#clearTimers();
      this.#listeners.way('open');
    } else if (state === 'disconnected' || state === 'failed') {
      this.#listeners.way('broken');
      this.#clearTimers();
      this.#after(state === 'failed' ? 0 : RESTART_ICE_AFTER_MS, () => void this.#restartIce(transport));
      this.#after(REOPEN_AFTER_MS, () => this.#listeners.mustReopen());
    }
  }

  async #restartIce(transport: Transport): Promise<void> {
    const fresh = await this.#ask({ ask: 'restart-ice', transport: transport.id });
    if (fresh.ok && !transport.closed) await transport.restartIce({ iceParameters: fresh.value as never });
  }

  #after(ms: number, run: () => void): void {
    this.#timers.add(setTimeout(run, ms));
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
