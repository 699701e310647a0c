import { networkInterfaces } from 'node:os';
import { createWorker } from 'mediasoup';
import type {
  Router,
  RouterRtpCodecCapability,
  TransportListenInfo,
  WebRtcServer,
  WebRtcTransport,
  Worker,
} from 'mediasoup/types';
import type { Log } from '#kernel/log.ts';

/** Where browsers reach the worker. */
export interface WorkerAddress {
  /** The address to listen on; 0.0.0.0 listens on each IPv4 address of the machine. */
  host: string;
  /** What is told to browsers instead of `host`: the outside address of a NAT, or a name. */
  announcedAddress?: string;
  /** UDP and TCP; 0 leaves the choice to the system (then the two differ). */
  webRtcPort: number;
}

/** Limits of one worker. */
const LIMITS = {
  /** Routers that nobody uses are kept for the next leg with the same payload types, up to this many. */
  idleRouters: 16,
  /** Addresses to listen on when told to listen everywhere. */
  addresses: 8,
} as const;

/** Seconds without an ICE consent check after which a browser counts as lost; the worker takes 10 to 60 (RFC 7675). */
const ICE_CONSENT_TIMEOUT_S = 10;

interface SharedRouter {
  router: Router;
  users: number;
}

/** A router lent out; give it back when the leg ends. */
export interface LentRouter {
  router: Router;
  giveBack(): void;
}

/** One running mediasoup worker: its port, and its routers, one for each map of payload types. */
export class MediaWorker implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #server: WebRtcServer;
  readonly #address: WorkerAddress;
  readonly #routers = new Map<string, Promise<SharedRouter>>();

  private constructor(worker: Worker, server: WebRtcServer, address: WorkerAddress) {
    this.#worker = worker;
    this.#server = server;
    this.#address = address;
  }

  /** Starts the binary. `onDied` is called once when it ends by itself; everything that lived in it is gone then. */
  static async start(
    workerPath: string,
    address: WorkerAddress,
    { log, onDied }: { log: Log; onDied: () => void },
  ): Promise<MediaWorker> {
    const worker = await createWorker({ workerBin: workerPath, logLevel: 'warn' });
    worker.on('died', (error) => {
      log.error('media worker died', { error, pid: worker.pid });
      onDied();
    });
    try {
      const server = await worker.createWebRtcServer({ listenInfos: listenInfos(address) });
      return new MediaWorker(worker, server, address);
    } catch (error) {
      worker.close();
      throw error;
    }
  }

  get pid(): number {
    return this.#worker.pid;
  }

  /** Lends the router for these codecs, made at the first call. Payload types are the router's, so they are part of what makes two equal. */
  async lendRouter(mediaCodecs: RouterRtpCodecCapability[]): Promise<LentRouter> {
    const key = JSON.stringify(mediaCodecs);
    const made = this.#routers.get(key) ?? this.#makeRouter(key, mediaCodecs);
    const shared = await made;
    shared.users += 1;
    let isLent = true;
    return {
      router: shared.router,
      giveBack: () => {
        if (!isLent) return;
        isLent = false;
        shared.users -= 1;
        void this.#closeIdleRouters();
      },
    };
  }

  /** A transport to a browser, on the worker's one port. */
  createTransport(router: Router): Promise<WebRtcTransport> {
    return router.createWebRtcTransport({
      webRtcServer: this.#server,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      iceConsentTimeout: ICE_CONSENT_TIMEOUT_S,
      initialAvailableOutgoingBitrate: 1_000_000,
    });
  }

  /** Where senders of plain RTP are listened to, and where they find us. */
  get plainAddress(): { listenHost: string; reachedAt: string } {
    const { host, announcedAddress } = this.#address;
    return { listenHost: host, reachedAt: announcedAddress ?? (host === '0.0.0.0' ? '127.0.0.1' : host) };
  }

  /** Live figures for `/debug` and metrics. */
  async snapshot(): Promise<object> {
    const usage = await this.#worker.getResourceUsage();
    return {
      pid: this.#worker.pid,
      routers: this.#routers.size,
      cpuMs: usage.ru_utime + usage.ru_stime,
      memoryKiB: usage.ru_maxrss,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#worker.closed) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('subprocessclose', resolve));
    this.#worker.close();
    await ended;
  }

  #makeRouter(key: string, mediaCodecs: RouterRtpCodecCapability[]): Promise<SharedRouter> {
    const made = this.#worker.createRouter({ mediaCodecs }).then((router) => ({ router, users: 0 }));
    this.#routers.set(key, made);
    made.catch(() => this.#routers.delete(key));
    return made;
  }

  async #closeIdleRouters(): Promise<void> {
    const all = await Promise.all([...this.#routers].map(async ([key, made]) => ({ key, ...(await made) })));
    const idle = all.filter(({ users }) => users === 0);
    for (const { key, router } of idle.slice(0, Math.max(0, idle.length - LIMITS.idleRouters))) {
      this.#routers.delete(key);
      router.close();
    }
  }
}

function listenInfos({ host, announcedAddress, webRtcPort }: WorkerAddress): TransportListenInfo[] {
  const addresses = host === '0.0.0.0' && !announcedAddress ? ownAddresses() : [host];
  return addresses.flatMap((ip) =>
    (['udp', 'tcp'] as const).map((protocol) => ({
      protocol,
      ip,
      ...(announcedAddress && { announcedAddress }),
      ...(webRtcPort !== 0 && { port: webRtcPort }),
    })),
  );
}

/** The machine's IPv4 addresses, the reachable ones first: a browser tries candidates in their order. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const usable = all.filter(({ family }) => family === 'IPv4').sort((a, b) => Number(a.internal) - Number(b.internal));
  return usable.slice(0, LIMITS.addresses).map(({ address }) => address);
}
