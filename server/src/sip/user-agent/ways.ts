import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { hopOfText } from '../dialog/hop.ts';
import { BadMessage } from '../message/bad-message.ts';
import { type Uri, parseUri } from '../message/uri.ts';
import type { Flow, Hop } from '../transport/flow.ts';
import { locate, needsDns } from '../transport/locate.ts';
import type { Resolver } from '../transport/resolver.ts';
import type { SipTransport } from '../transport/sip-transport.ts';

/** Names remembered; all are forgotten when there are more. */
const NAMES_REMEMBERED = 1000;
/** Node's DNS tells no time to live, so what it said is asked again after this; what it did not know, sooner. */
const FOUND_FOR_MS = 60_000;
const NOT_FOUND_FOR_MS = 5000;
/** A target that did not answer is tried last for this long (RFC 3263 §4.3). */
const AVOIDED_FOR_MS = 30_000;

/** The ways to a URI: one for an address, those of DNS for a name, in the order in which they are to be tried. */
export class Ways {
  readonly #transport: SipTransport;
  readonly #resolver: Resolver | undefined;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #canTls: boolean;
  readonly #names = new Map<string, { hops: Hop[]; untilMs: number }>();
  readonly #avoided = new Map<string, number>();

  constructor(options: {
    transport: SipTransport;
    /** Absent: names are left to the sockets, and have one way. */
    resolver: Resolver | undefined;
    clock: Clock;
    chance: Chance;
    canTls: boolean;
  }) {
    this.#transport = options.transport;
    this.#resolver = options.resolver;
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#canTls = options.canTls;
  }

  /** At once for an address or a name asked for lately; undefined when DNS must be asked first. */
  known(uri: string): Flow[] | undefined {
    const parsed = read(uri);
    if (!this.#resolver || !parsed || !needsDns(parsed)) return this.#flows([hopOfText(uri)]);
    const found = this.#names.get(keyOf(parsed));
    return found && found.untilMs > this.#clock.monotonic() ? this.#flows(found.hops) : undefined;
  }

  /** Asks DNS where it must; empty when nothing leads there. */
  async to(uri: string): Promise<Flow[]> {
    const known = this.known(uri);
    const parsed = read(uri);
    if (known || !parsed || !needsDns(parsed)) return known ?? [];
    const hops = await locate(parsed, this.#resolver!, this.#chance, this.#canTls);
    if (this.#names.size >= NAMES_REMEMBERED) this.#names.clear();
    const untilMs = this.#clock.monotonic() + (hops.length > 0 ? FOUND_FOR_MS : NOT_FOUND_FOR_MS);
    this.#names.set(keyOf(parsed), { hops, untilMs });
    return this.#flows(hops);
  }

  /** Nobody answered there: for a while its kin are tried first. */
  avoid(flow: Flow): void {
    if (!this.#resolver) return;
    if (this.#avoided.size >= NAMES_REMEMBERED) this.#avoided.clear();
    this.#avoided.set(labelOf({ transport: flow.transport, ...flow.remote }), this.#clock.monotonic() + AVOIDED_FOR_MS);
  }

  #flows(hops: (Hop | undefined)[]): Flow[] {
    const now = this.#clock.monotonic();
    const isAvoided = (hop: Hop) => (this.#avoided.get(labelOf(hop)) ?? 0) > now;
    const all = hops.filter((hop) => hop !== undefined);
    const ordered = all.length > 1 ? [...all.filter((hop) => !isAvoided(hop)), ...all.filter(isAvoided)] : all;
    return ordered.flatMap((hop) => this.#transport.flowTo(hop) ?? []);
  }
}

const labelOf = ({ transport, host, port }: { transport: string; host: string; port: number }): string =>
  `${transport} ${host} ${port}`;

function keyOf(uri: Uri): string {
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return '';
  return `${uri.scheme} ${uri.host} ${uri.port ?? ''} ${uri.params.get('transport')?.toLowerCase() ?? ''}`;
}

function read(uri: string): Uri | undefined {
  try {
    return parseUri(uri);
  } catch (error) {
    if (error instanceof BadMessage) return undefined;
    throw error;
  }
}
