import type { Name } from '@tocsin/protocol/common.ts';
import type { Trunk } from '@tocsin/protocol/routing.ts';
import type { TrunkView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { Directory } from '#directory/directory.ts';
import type { Registration, RegistrationState } from '#sip/user-agent/registration.ts';
import { PeerSupervision, type PeerState } from '#sip/user-agent/supervision.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Lines } from '../lines.ts';
import type { TrunkWay } from '../routing/routing.ts';
import type { NetworkCause } from './causes.ts';
import { orderOf } from './order.ts';
import type { OutOfService } from './out-of-service.ts';

/** Calls that must fail one after another by the trunk's own fault before it counts as down, where nobody asks it by OPTIONS. */
const FAULTS_UNTIL_DOWN = 2;
/** After this long without a call a trunk that calls have found dead is given another. */
const RETRY_AFTER_MS = 30_000;
/** Lines come and go hundreds of times a second: what is told of them waits this long for more. */
const TELL_AFTER_MS = 250;
/** Calls listed of one trunk; the number in use counts them all. */
const USES_SHOWN = 120;

interface Watched {
  trunk: Trunk;
  supervision?: PeerSupervision;
  registration?: Registration;
  /** Faults of calls, one after another. */
  faults: number;
  lastFaultMs: number;
  lastFault?: NetworkCause;
  health: TrunkView['health'];
  sinceMs: number;
  counts: TrunkView['calls'];
}

interface Parts {
  directory: Pick<Directory, 'site'>;
  userAgent: UserAgent;
  lines: Lines;
  outOfService: OutOfService;
  timeline: Timeline;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/**
 * How the trunks are: registered, answering OPTIONS, taking calls. Each change is told, and stands on the timeline. A trunk
 * that is down is tried last.
 */
export class Trunks extends Emitter<{ changed: [trunk: string] }> implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #watched = new Map<string, Watched>();
  readonly #toTell = new Set<string>();
  #telling?: Timer;

  constructor(parts: Parts) {
    super();
    this.#parts = parts;
    for (const trunk of parts.directory.site.trunks) this.#watch(trunk);
    parts.lines.on('changed', (trunk) => this.#tellSoon(trunk));
    parts.outOfService.on('changed', (trunk) => this.#tellSoon(trunk));
  }

  /**
   * In which order a call tries these ways. Those out of service are none of them, but for an emergency call, which takes them
   * last: work on a line is no reason to let nobody come.
   */
  order(ways: readonly TrunkWay[], { isEmergency }: { isEmergency: boolean }): TrunkWay[] {
    const isOut = (trunk: string) => this.#parts.outOfService.of(trunk) !== undefined;
    const serving = isEmergency ? ways : ways.filter(({ trunk }) => !isOut(trunk));
    return orderOf(serving, (trunk) => isOut(trunk) || this.#isToBeAvoided(trunk), this.#parts.chance);
  }

  /** A call has got through to the far end, whatever its party said. */
  served(id: string, hasAnswered: boolean): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    watched.counts.tried += 1;
    if (hasAnswered) watched.counts.answered += 1;
    watched.faults = 0;
    this.#judge(watched);
  }

  /** A call has failed by the trunk's own fault. */
  failed(id: string, cause: NetworkCause): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    watched.counts.tried += 1;
    watched.counts.failed += 1;
    watched.faults += 1;
    watched.lastFault = cause;
    watched.lastFaultMs = this.#parts.clock.monotonic();
    this.#judge(watched);
  }

  /** A call found every line in use. */
  wasFull(id: string): void {
    const watched = this.#watched.get(id);
    if (watched) watched.counts.full += 1;
  }

  /** How a trunk is, as the desks see it. */
  view(id: string): TrunkView {
    const { trunk, health, sinceMs, counts, registration } = this.#watched.get(id)!;
    const { lines } = this.#parts;
    const why = this.#why(this.#watched.get(id)!);
    const out = this.#parts.outOfService.of(id);
    return {
      id,
      name: trunk.name,
      bearer: trunk.bearer,
      kind: trunk.kind,
      health,
      since: sinceMs,
      ...(why ? { why } : {}),
      ...(out ? { outOfService: { by: out.by, because: out.because, since: out.sinceMs } } : {}),
      ...(registration ? { isRegistered: registration.state.kind === 'registered' } : {}),
      lines: trunk.lines,
      inUse: lines.inUse(id),
      uses: lines
        .uses(id)
        .slice(0, USES_SHOWN)
        .map(({ direction, number, line, sinceMs: since }) => ({
          direction,
          number,
          since,
          ...(line === undefined ? {} : { line }),
        })),
      lineNames: trunk.lineNames.map((line) => ({
        ...line,
        isFaulty: lines.isFaulty(id, line.id),
        ...(this.#parts.outOfService.of(id, line.id) ? { isOutOfService: true as const } : {}),
      })),
      calls: { ...counts },
    };
  }

  all(): TrunkView[] {
    return [...this.#watched.keys()].map((id) => this.view(id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#telling?.cancel();
    for (const { supervision } of this.#watched.values()) supervision?.[Symbol.dispose]();
    await Promise.all([...this.#watched.values()].map(({ registration }) => registration?.[Symbol.asyncDispose]()));
  }

  #watch(trunk: Trunk): void {
    const { userAgent, clock } = this.#parts;
    const watched: Watched = {
      trunk,
      faults: 0,
      lastFaultMs: 0,
      health: 'unknown',
      sinceMs: clock.now(),
      counts: { tried: 0, answered: 0, failed: 0, full: 0 },
    };
    this.#watched.set(trunk.id, watched);
    if (trunk.register) {
      const { registrar, user, password, expiresS } = trunk.register;
      watched.registration = userAgent.register({
        ...{ registrar, user, expiresS },
        ...(password === undefined ? {} : { password }),
      });
      watched.registration.on('state', () => this.#judge(watched));
    }
    if (trunk.send && trunk.superviseEveryS !== undefined) {
      const { host, port, transport } = trunk.send;
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      watched.supervision = new PeerSupervision(userAgent, clock, {
        target: `sip:${address}${transport === 'udp' ? '' : `;transport=${transport}`}`,
        everyMs: trunk.superviseEveryS * 1000,
      });
      watched.supervision.on('state', () => {
        // Who answers again has earned a fresh start.
        if (watched.supervision!.state.kind === 'up') watched.faults = 0;
        this.#judge(watched);
      });
    }
  }

  /** Puts together what registration, OPTIONS and calls say, and tells a change. */
  #judge(watched: Watched): void {
    const health = healthOf(watched);
    if (health !== watched.health) {
      const wasUnknown = watched.health === 'unknown';
      watched.health = health;
      watched.sinceMs = this.#parts.clock.now();
      const { id } = watched.trunk;
      const why = this.#why(watched);
      if (health === 'down')
        void noteSoon({ kind: 'trunk.failed', data: { trunk: id, ...(why ? { words: why } : {}) } }, this.#parts);
      else if (health === 'up' && !wasUnknown)
        void noteSoon({ kind: 'trunk.restored', data: { trunk: id } }, this.#parts);
    }
    this.#tellSoon(watched.trunk.id);
  }

  #tellSoon(id: string): void {
    this.#toTell.add(id);
    this.#telling ??= this.#parts.clock.after(TELL_AFTER_MS, () => {
      this.#telling = undefined;
      const ids = [...this.#toTell];
      this.#toTell.clear();
      for (const each of ids) this.emit('changed', each);
    });
  }

  #isToBeAvoided(id: string): boolean {
    const watched = this.#watched.get(id);
    if (!watched || watched.health !== 'down') return false;
    if (isDownForSure(watched)) return true;
    return this.#parts.clock.monotonic() - watched.lastFaultMs < RETRY_AFTER_MS;
  }

  #why(watched: Watched): Name | undefined {
    if (watched.health !== 'down') return undefined;
    return wordsOf(watched.registration?.state) ?? wordsOfPeer(watched.supervision?.state) ?? watched.lastFault?.words;
  }
}

function healthOf({ supervision, registration, faults, counts }: Watched): TrunkView['health'] {
  if (registration?.state.kind === 'failed' || supervision?.state.kind === 'down') return 'down';
  if (faults >= FAULTS_UNTIL_DOWN) return 'down';
  const isProven = registration?.state.kind === 'registered' || supervision?.state.kind === 'up';
  const hasServed = counts.tried > counts.failed;
  return isProven || (!registration && !supervision && hasServed) ? 'up' : 'unknown';
}

/** It does not answer OPTIONS or does not let us register: a call would fare no better. */
function isDownForSure({ supervision, registration }: Watched): boolean {
  return registration?.state.kind === 'failed' || supervision?.state.kind === 'down';
}

function wordsOf(state: RegistrationState | undefined): Name | undefined {
  if (state?.kind !== 'failed') return undefined;
  const { status } = state;
  if (status === undefined) return { zh: '注册服务器没有应答', en: 'The registrar does not answer' };
  return status === 401 || status === 403 || status === 407
    ? {
        zh: `注册被拒绝（${status}），请核对账号和密码`,
        en: `Registration refused (${status}): check user and password`,
      }
    : { zh: `注册失败（${status}）`, en: `Registration failed (${status})` };
}

function wordsOfPeer(state: PeerState | undefined): Name | undefined {
  if (state?.kind !== 'down') return undefined;
  return state.status === undefined
    ? { zh: '对端没有应答', en: 'The far end does not answer' }
    : { zh: `对端不能服务（${state.status}）`, en: `The far end cannot serve (${state.status})` };
}
