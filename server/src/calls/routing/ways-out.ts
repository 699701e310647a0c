import type { Trunk } from '@tocsin/protocol/routing.ts';
import { rewrite } from './number-pattern.ts';
import type { RoutingFacts, TrunkWay } from './routing.ts';

/** A number that leads out, and by which trunks. */
export interface WaysOut {
  /** The digits that chose the trunks; empty for a number that needs none. */
  prefix: string;
  /** What follows them, before any trunk's own way of writing. */
  number: string;
  ways: TrunkWay[];
}

/**
 * The trunks whose prefix the number begins with, the longest prefix only; or those that a rule of the site names, whose
 * prefix need not have been dialled.
 */
export function waysOut({ called, onlyTrunks }: RoutingFacts, trunks: readonly Trunk[]): WaysOut | undefined {
  if (onlyTrunks) {
    const named = onlyTrunks.flatMap((id) => trunks.find((each) => each.id === id && each.send) ?? []);
    const prefix = named.map(({ send }) => send!.prefix).find((each) => begins(called, each)) ?? '';
    // Their order is the rule's, whatever their own priorities.
    return waysBy(named, called, prefix, (_, index) => index);
  }
  const leading = trunks.filter(({ send }) => send && begins(called, send.prefix));
  const longest = Math.max(...leading.map(({ send }) => send!.prefix.length));
  const chosen = leading.filter(({ send }) => send!.prefix.length === longest);
  return waysBy(chosen, called, called.slice(0, longest));
}

/** Out by any trunk, without a prefix: for numbers that must get through. */
export function everyWayOut(number: string, trunks: readonly Trunk[]): WaysOut | undefined {
  return waysBy(
    trunks.filter(({ send }) => send),
    number,
    '',
  );
}

function waysBy(
  trunks: readonly Trunk[],
  called: string,
  prefix: string,
  priorityOf = ({ send }: Trunk, _index: number) => send!.priority,
): WaysOut | undefined {
  if (trunks.length === 0) return undefined;
  const number = called.slice(prefix.length);
  const ways = trunks.map((trunk, index): TrunkWay => {
    const { host, port, transport, stripPrefix, weight } = trunk.send!;
    const theirs = rewrite(stripPrefix ? number : called, trunk.numbers.out.called);
    const parameter = transport === 'udp' ? '' : `;transport=${transport}`;
    const address = `sip:${theirs}@${host.includes(':') ? `[${host}]` : host}:${port}${parameter}`;
    return { trunk: trunk.id, number: theirs, address, priority: priorityOf(trunk, index), weight };
  });
  return { prefix, number, ways: ways.toSorted((a, b) => a.priority - b.priority) };
}

const begins = (called: string, prefix: string) => called.startsWith(prefix) && called.length > prefix.length;
