import type { GatewayResource } from '@tocsin/protocol/gateway.ts';
import { sleep, type Timer } from '@tocsin/server/kernel/clock.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import type { MobileOriginated } from './sbd/direct-ip.ts';
import { openBurstLink, type BurstLink } from './sbd/burst-link.ts';
import { openSatelliteCalls, SATELLITE_CALL_LIMITS, type SatelliteCalls } from './voice/satellite-calls.ts';

export const SATELLITE_LIMITS = {
  /** The satellite side's SIP is asked whether it lives this often, and has so long to answer. */
  pingEveryMs: 10_000,
  pingWithinMs: 8_000,
} as const;

export interface VoiceOptions {
  /** `host:port` of the satellite side's SIP. */
  far: string;
  farPort?: number;
  /** `host:port` of the server's SIP, for calls that come from the satellite side. */
  server?: string | undefined;
  lines?: number;
  /** Speech in one packet over the link. */
  bundleMs?: number;
  /** From arrival to play of what comes over the link. */
  delayMs?: number;
}

export interface BurstOptions {
  /** Where the operator's gateway delivers what modems send. */
  listenPort?: number;
  /** Where messages for modems are handed in. */
  operator?: { host: string; port: number } | undefined;
  /** The modems by the ids that the server knows them by: a person's or a device's. */
  modems: { id: string; imei: string }[];
}

export interface SatelliteGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  host: string;
  sipPort?: number;
  servers: readonly string[];
  voice?: VoiceOptions | undefined;
  bursts?: BurstOptions | undefined;
}

/** Opens what is configured of the two: telephone calls over the link, and bursts. */
export async function startSatelliteGateway(options: SatelliteGatewayOptions): Promise<SatelliteGateway> {
  await using opened = new AsyncDisposableStack();
  const { clock, chance, log, host, voice, bursts } = options;
  const gateway = opened.use(await openGateway({ ...options, kind: 'satellite' }));
  const satellite = new SatelliteGateway(options, gateway);
  const calls =
    voice &&
    opened.use(
      await openSatelliteCalls({
        host,
        sipPort: options.sipPort ?? 0,
        servers: options.servers,
        far: voice.far,
        farPort: voice.farPort ?? 0,
        ...(voice.server ? { server: voice.server } : {}),
        lines: voice.lines ?? SATELLITE_CALL_LIMITS.lines,
        bundleMs: voice.bundleMs ?? 60,
        delayMs: voice.delayMs ?? 240,
        clock,
        chance,
        log,
        pass: (speech, go) => gateway.faults.pass(LINE, speech, go),
        changed: () => satellite.tellLines(),
      }),
    );
  const link =
    bursts &&
    opened.use(
      await openBurstLink({
        host,
        listenPort: bursts.listenPort ?? 0,
        ...(bursts.operator ? { operator: bursts.operator } : {}),
        clock,
        log,
      }),
    );
  satellite.begin(calls, link, opened.move());
  return satellite;
}

/** The id of the resource of the telephone lines; modems have their own. */
const LINE = 'satellite-line';

export class SatelliteGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: SatelliteGatewayOptions;
  #calls: SatelliteCalls | undefined;
  #link: BurstLink | undefined;
  #parts: AsyncDisposableStack | undefined;
  #ping: Timer | undefined;
  #isFarThere = true;

  /** Use startSatelliteGateway. */
  constructor(options: SatelliteGatewayOptions, gateway: Gateway) {
    this.#options = options;
    this.gateway = gateway;
  }

  get addresses() {
    const near = this.#calls?.addresses.near;
    const far = this.#calls?.addresses.far;
    return {
      ...(near ? { sip: `${near.host}:${near.port}` } : {}),
      ...(far ? { far: `${far.host}:${far.port}` } : {}),
      ...(this.#link ? { burstPort: this.#link.port } : {}),
    };
  }

  begin(calls: SatelliteCalls | undefined, link: BurstLink | undefined, parts: AsyncDisposableStack): void {
    this.#calls = calls;
    this.#link = link;
    this.#parts = parts;
    this.gateway.announce(this.#resources());
    this.gateway.onCommand('send-burst', (command) => this.#sendBurst(command), { afterCrash: 'refuse' });
    this.gateway.onCommand('self-test', async ({ resource }) => await this.#test(resource), { afterCrash: 'again' });
    link?.events.on('originated', (message, kept) => kept(this.#originated(message)));
    if (calls) {
      this.#ping = this.#options.clock.every(SATELLITE_LIMITS.pingEveryMs, () => void this.#askFar());
      void this.#askFar();
    }
  }

  tellLines(): void {
    if (this.#calls) this.gateway.setResource(this.#line(this.#calls));
  }

  snapshot() {
    return {
      ...this.gateway.snapshot(),
      addresses: this.addresses,
      linesInUse: this.#calls?.inUse ?? 0,
      malformed: this.#link?.malformed ?? 0,
    };
  }

  async [Symbol.asyncDispose]() {
    this.#ping?.cancel();
    await this.#parts?.disposeAsync();
  }

  #resources(): GatewayResource[] {
    const modems = this.#options.bursts?.modems ?? [];
    return [
      ...(this.#calls ? [this.#line(this.#calls)] : []),
      ...modems.map(({ id }): GatewayResource => ({ id, kind: 'modem', state: 'ready' })),
    ];
  }

  #line(calls: SatelliteCalls): GatewayResource {
    const { host, port } = calls.addresses.near;
    const base = { id: LINE, kind: 'line', sip: `sip:${host}:${port}` } as const;
    if (!this.#isFarThere) return { ...base, state: 'down', detail: 'the satellite side does not answer' };
    const lines = this.#options.voice?.lines ?? SATELLITE_CALL_LIMITS.lines;
    return {
      ...base,
      state: calls.free > 0 ? 'ready' : 'degraded',
      detail: `${calls.inUse} of ${lines} lines in use`,
    };
  }

  async #askFar(): Promise<void> {
    const answer = await this.#calls!.ping(SATELLITE_LIMITS.pingWithinMs);
    this.#isFarThere = answer.kind === 'answered';
    this.tellLines();
  }

  async #sendBurst({ to, payload }: { to: string; payload: string }) {
    const modem = this.#options.bursts?.modems.find(({ id }) => id === to);
    if (!modem || !this.#link) return refused(`there is no modem "${to}" here`);
    const { faults } = this.gateway;
    await sleep(this.#options.clock, faults.delayMs(modem.id));
    if (faults.swallows(modem.id)) return refused('the modem is out of reach: a fault is played');
    // What a fault has spoiled goes out so: the far end's checks are to find it.
    let sent: Uint8Array = Buffer.from(payload, 'base64');
    if (faults.on(modem.id) === 'garbage') faults.pass(modem.id, sent, (spoiled) => (sent = spoiled));
    const outcome = await this.#link.send(modem.imei, sent);
    return outcome.kind === 'queued' ? { outcome: 'done' as const } : refused(outcome.why);
  }

  /** Kept on the disk before the operator is told that we have it. */
  async #originated(message: MobileOriginated): Promise<void> {
    const modem = this.#options.bursts?.modems.find(({ imei }) => imei === message.imei);
    if (!modem) {
      this.#options.log.warn('burst of an unknown modem', { imei: message.imei });
      return;
    }
    // Not confirmed, so that the operator sends it again.
    if (this.gateway.faults.swallows(modem.id)) throw new Error('the modem is out of reach: a fault is played');
    const { payload, location } = message;
    await this.gateway.publish({
      kind: 'burst-received',
      event: `mo-${modem.id}-${message.cdrReference}`,
      from: modem.id,
      ...(payload ? { payload: Buffer.from(payload).toString('base64') } : {}),
      ...(location
        ? {
            location: {
              latitude: location.latitude,
              longitude: location.longitude,
              accuracyMetres: location.radiusKm * 1000,
              atMs: message.at,
            },
          }
        : {}),
    });
  }

  async #test(resource: string) {
    if (resource !== LINE || !this.#calls) return refused(`there is no line "${resource}" here`);
    await this.#askFar();
    return this.#isFarThere ? { outcome: 'done' as const } : refused('the satellite side does not answer');
  }
}

function refused(because: string) {
  return { outcome: 'refused' as const, because };
}
