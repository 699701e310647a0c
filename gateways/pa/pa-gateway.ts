import { everyFrame } from '../kit/frame-clock.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { openSipDoor, type SipDoor } from '../kit/sip-door.ts';
import { SILENT_FRAME } from '../kit/voice-leg.ts';
import { openMulticastSender, type MulticastSender } from './multicast-sender.ts';
import { PaZone, type Playout, type ZoneConfig } from './pa-zone.ts';

export const PA_LIMITS = {
  /** Calls of the server to all zones together. */
  callsAtOnce: 400,
  /** How often the horns' beats are looked at. */
  lookEveryMs: 5000,
} as const;

export interface PaGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  /** The address of SIP and RTP towards the server. */
  host: string;
  sipPort?: number;
  servers: readonly string[];
  zones: ZoneConfig[];
  /** Address of the interface whose network the horns are in. */
  multicastInterface: string;
  /** How many routers multicast may cross; 1 = stays in the network. */
  ttl?: number;
}

/** Opens the loudspeakers: SIP and RTP from the server, multicast RTP to the horns, proof of playout by RTCP. */
export async function startPaGateway(options: PaGatewayOptions): Promise<PaGateway> {
  await using opened = new AsyncDisposableStack();
  const { clock, chance, log } = options;
  const gateway = opened.use(await openGateway({ ...options, kind: 'pa' }));
  const sender = opened.use(
    await openMulticastSender({ multicastInterface: options.multicastInterface, ttl: options.ttl ?? 1, chance }),
  );
  const { faults } = gateway;
  const zones = new Map(
    options.zones.map((config) => {
      const tell = (playout: Playout) =>
        void gateway
          .publish({ kind: 'playout', zone: config.id, hornsTotal: config.horns, ...playout })
          .catch((error: unknown) => log.error('event not stored', { error }));
      return [config.id, new PaZone(config, { sender, clock, faults, tell })] as const;
    }),
  );
  const door = opened.use(
    await openSipDoor({
      host: options.host,
      port: options.sipPort ?? 0,
      servers: options.servers,
      callsAtOnce: PA_LIMITS.callsAtOnce,
      // Horns have no microphones.
      direction: 'recvonly',
      serves: (user) => zones.has(user),
      onCall: (call) => zones.get(call.user)!.relay(call),
      clock,
      chance,
      log,
    }),
  );
  return new PaGateway(options, { gateway, sender, zones, door, parts: opened.move() });
}

interface Parts {
  gateway: Gateway;
  sender: MulticastSender;
  zones: Map<string, PaZone>;
  door: SipDoor;
  parts: AsyncDisposableStack;
}

export class PaGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: PaGatewayOptions;
  readonly #parts: Parts;
  /** Horns whose beats have stopped. */
  readonly #missed = new Set<string>();

  /** Use startPaGateway. */
  constructor(options: PaGatewayOptions, parts: Parts) {
    this.gateway = parts.gateway;
    this.#options = options;
    this.#parts = parts;
    parts.sender.onReport = (report) => {
      for (const zone of parts.zones.values()) zone.hear(report);
    };
    this.gateway.announce(options.zones.map(({ id }) => ({ id, kind: 'zone', state: 'ready', sip: this.sipOf(id) })));
    const look = options.clock.every(PA_LIMITS.lookEveryMs, () => this.#feelPulses());
    parts.parts.defer(() => look.cancel());
    this.gateway.onCommand('self-test', ({ resource }) => this.#test(resource), { afterCrash: 'again' });
  }

  /** The address that the server dials for a zone. */
  sipOf(zone: string): string {
    return `sip:${zone}@${this.#parts.door.host}:${this.#parts.door.port}`;
  }

  snapshot() {
    const { zones, sender } = this.#parts;
    return {
      ...this.gateway.snapshot(),
      zones: [...zones.values()].map((zone) => zone.snapshot()),
      malformedReports: sender.malformed,
    };
  }

  async [Symbol.asyncDispose]() {
    await this.#parts.parts.disposeAsync();
  }

  /** Silence to the zone, inaudible; every horn is to prove that it came. */
  async #test(resource: string) {
    const zone = this.#parts.zones.get(resource);
    if (!zone) return { outcome: 'refused' as const, because: `there is no zone "${resource}" here` };
    // Someone speaks there now: the announcement is its own proof, and the test would not be heard.
    if (zone.isSpeaking) return { outcome: 'refused' as const, because: 'an announcement is on the air in this zone' };
    const { heard: names, silent } = await zone.test(SILENT_FRAME, (tick) => everyFrame(this.#options.clock, tick));
    const heard = names.length;
    const total = zone.config.horns;
    const missing = silent.length > 0 ? `, silent: ${silent.join(', ')}` : '';
    this.gateway.setResource({
      id: resource,
      kind: 'zone',
      sip: this.sipOf(resource),
      ...(heard >= total
        ? { state: 'ready' }
        : {
            state: heard > 0 ? 'degraded' : 'down',
            detail: `${heard} of ${total} horns answered${missing}`.slice(0, 200),
          }),
    });
    for (const name of names) this.#tellHorn(resource, name, true);
    for (const name of silent) this.#tellHorn(resource, name, false);
    return heard >= total
      ? { outcome: 'done' as const }
      : { outcome: 'refused' as const, because: `${heard} of ${total} horns answered${missing}`.slice(0, 300) };
  }

  #feelPulses() {
    const nowMs = this.#options.clock.monotonic();
    for (const zone of this.#parts.zones.values())
      for (const { name, isAlive } of zone.pulses(nowMs)) {
        const key = `${zone.config.id}.${name}`;
        // A beat tells that a horn lives, not that it plays: it takes back only what its silence has said.
        if (!isAlive) this.#missed.add(key);
        else if (!this.#missed.delete(key)) continue;
        this.#tellHorn(zone.config.id, name, isAlive);
      }
  }

  /** One horn as a resource of its own, so that a dead one can be named. */
  #tellHorn(zone: string, name: string, isAlive: boolean) {
    const id = `${zone}.${name}`.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64);
    this.gateway.setResource({
      id,
      kind: 'horn',
      ...(isAlive ? { state: 'ready' } : { state: 'down', detail: 'the horn does not answer' }),
    });
  }
}
