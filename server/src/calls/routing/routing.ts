import type { Name } from '@tocsin/protocol/common.ts';
import type { BlacklistEntry, CallClass, NumberClass } from '@tocsin/protocol/routing.ts';
import type { Directory } from '#directory/directory.ts';
import type { WantedFeature } from '../feature-codes.ts';

/** A call that asks for its way: all that routing may look at, so that the same question always has the same answer. */
export interface RoutingQuestion {
  dialled: string;
  /** The caller's number: his account, or what the trunk says. */
  calling: string;
  /** The SIP account that the caller has proven to be. */
  account?: string | undefined;
  /** The trunk by which he comes. */
  trunk?: string | undefined;
  /** When he dials. */
  atMs: number;
}

/** The site's data that routing reads. */
export interface RoutingBook extends Pick<Directory, 'site' | 'account' | 'personByNumber' | 'peopleOfGroup'> {
  /** The number that an account keeps under a short code. */
  shortCode?(account: string, code: string): string | undefined;
  /** Callers that are not wanted, beside those of the site's file. */
  blacklist?(): readonly BlacklistEntry[];
}

/** One trunk that leads to a number. */
export interface TrunkWay {
  trunk: string;
  /** The number as this trunk wants it. */
  number: string;
  /** sip: address of that number there. */
  address: string;
  /** The lowest is tried first. */
  priority: number;
  /** Among those of one priority: its share of the calls. */
  weight: number;
}

/** Why routing itself sends a call away. */
export type RoutingRefusal = 'blacklisted' | 'barred' | 'refused-by-rule';

/** Where a dialled number leads. A new kind of destination is a line here, a stage that finds it, and whoever serves it. */
export type Destination =
  | { kind: 'account'; user: string }
  /** Out by one of these trunks, the first that takes the call. */
  | { kind: 'trunk'; ways: TrunkWay[]; numberClass: NumberClass }
  /** Whoever of the group answers. */
  | { kind: 'group'; number: string }
  | { kind: 'room'; number: string }
  | { kind: 'echo' }
  /** A radio channel: the phone hears it, and is heard while it has the floor. */
  | { kind: 'channel'; id: string }
  /** `words` are for the dispatcher and the timeline. */
  | { kind: 'refused'; because: RoutingRefusal; words: Name }
  /** A feature of the exchange, with what was dialled behind its code. */
  | ({ kind: 'feature' } & WantedFeature)
  | { kind: 'unknown' };

/** What the stages know of a call so far; each may add to it for those after. */
export interface RoutingFacts extends RoutingQuestion {
  /** The number dialled, as the site writes numbers. */
  called: string;
  person?: string;
  /** What the caller may call outside; absent: the house itself calls, which may everything. */
  callClass?: CallClass;
  /** Of the caller's number: a region's id. */
  region?: string;
  /** An important caller's level, 1-9. */
  vip?: number;
  /** Only these trunks, in this order. */
  onlyTrunks?: readonly string[];
  /** A rule of the site has put the number in, so that the caller's own rights do not count. */
  isBySiteRule?: boolean;
}

/** What a stage makes of a call. */
export type Verdict =
  /** The way is found; no later stage is asked. */
  | { kind: 'leads'; to: Destination; said: Name }
  /** Something was learnt or changed; the next stage sees it. */
  | { kind: 'goes-on'; change: Partial<RoutingFacts>; said: Name };

/** One rule of the way of a call. Pure: it reads the call and the site's data, and nothing else. */
export interface RoutingStage {
  /** Stable, kebab-case: it stands in answers and tests. */
  id: string;
  name: Name;
  /** undefined: this stage has nothing to say to this call. */
  look(facts: RoutingFacts, book: RoutingBook): Verdict | undefined;
}

/** One stage that had something to say, in words for people. */
export interface RoutingStep {
  stage: string;
  name: Name;
  said: Name;
  /** True for the one that decided. */
  decides: boolean;
}

/** The answer: where the call goes, what is known of it, and how that was found. */
export interface Routing {
  destination: Destination;
  facts: RoutingFacts;
  steps: RoutingStep[];
}
