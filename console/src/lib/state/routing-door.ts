import type { BlacklistEntry, BlacklistView, RoutingAnswer } from '@tocsin/protocol/routing.ts';
import { ask, type Answered } from './rest-door.ts';

/** What a call would do; `at` is the site's wall clock, `2026-10-01T23:10`. */
export function askRouting(test: {
  calling: string;
  dialled: string;
  at?: string;
  trunk?: string;
}): Promise<Answered<RoutingAnswer>> {
  return ask('POST', '/api/routing/test', test);
}

export function readBlacklist(): Promise<Answered<BlacklistView[]>> {
  return ask('GET', '/api/routing/blacklist');
}

export function addToBlacklist(entry: Partial<BlacklistEntry> & { number: string }): Promise<Answered<BlacklistView>> {
  return ask('POST', '/api/routing/blacklist', entry);
}

export function removeFromBlacklist(id: string): Promise<Answered<unknown>> {
  return ask('DELETE', `/api/routing/blacklist/${encodeURIComponent(id)}`);
}
