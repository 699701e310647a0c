import type { CallClass, NumberClass } from '@tocsin/protocol/routing.ts';
import { fits } from './number-pattern.ts';
import type { RoutingBook, RoutingQuestion } from './routing.ts';

/** An account that nobody has given a class, at a site that names none: enough for work, not enough for a thief. */
const UNNAMED: CallClass = {
  id: 'ordinary',
  name: { zh: '普通', en: 'ordinary' },
  mayCall: ['local', 'long-distance'],
  callsAtOnce: 5,
  callsPerHour: 120,
};

/** Callers from a trunk that has no class: in, and not out again. */
const INSIDE_ONLY: CallClass = { id: 'inside-only', name: { zh: '只呼入', en: 'inside only' }, mayCall: [] };

/** What this caller may call outside. The house itself, which comes by no account and no trunk, may everything. */
export function callClassOf(
  { account, trunk }: Pick<RoutingQuestion, 'account' | 'trunk'>,
  { site, account: accountOf }: Pick<RoutingBook, 'site' | 'account'>,
): CallClass | undefined {
  const byId = (id: string | undefined) => site.callClasses.find((each) => each.id === id);
  if (account !== undefined) return byId(accountOf(account)?.callClass ?? site.callClass) ?? UNNAMED;
  if (trunk === undefined) return undefined;
  return byId(site.trunks.find(({ id }) => id === trunk)?.callClass) ?? INSIDE_ONLY;
}

/** Which class an outside number is; what no pattern knows counts as premium, so that nobody is allowed it by chance. */
export function numberClassOf(number: string, { numberClasses }: RoutingBook['site']): NumberClass {
  return numberClasses.find(({ numbers }) => numbers.some((each) => fits(number, each)))?.class ?? 'premium';
}
