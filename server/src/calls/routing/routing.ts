import type { Name } from '@tocsin/protocol/common.ts';
import type { Directory } from '#directory/directory.ts';

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
export type RoutingBook = Pick<Directory, 'site' | 'account'>;

/** One trunk that leads to a number. */
export interface TrunkWay {
  trunk: string;
  host: string;
  port: number;
  /** The number as this trunk wants it. */
  number: string;
}

/** Where a dialled number leads. A new kind of destination is a line here, a stage that finds it, and whoever serves it. */
export type Destination =
  | { kind: 'account'; user: string }
  /** Out by one of these trunks, the first that takes the call. */
  | { kind: 'trunk'; ways: TrunkWay[] }
  | { kind: 'room'; number: string }
  | { kind: 'echo' }
  | { kind: 'unknown' };

/** What the stages know of a call so far; each may add to it for those after. */
export interface RoutingFacts extends RoutingQuestion {
  /** The number dialled, as the site writes numbers. */
  called: string;
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
