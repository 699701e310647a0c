import type { BlacklistEntry, BlacklistView, RoutingAnswer } from '@tocsin/protocol/routing.ts';
import { failureInWords } from './act.ts';

/** What REST gave, or why not, in words for people. */
export type Answered<T> = { ok: true; value: T } | { ok: false; words: string };

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

async function ask<T>(method: string, path: string, body?: unknown): Promise<Answered<T>> {
  try {
    const response = await fetch(path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = (await response.json().catch(() => ({}))) as { code?: string; message?: string };
    if (response.ok) return { ok: true, value: answer as T };
    // What is malformed is told best by the server, which names the field.
    const isMalformed = answer.code === 'REQUEST_MALFORMED';
    return {
      ok: false,
      words: isMalformed ? (answer.message ?? '') : failureInWords(answer.code ?? '', answer.message),
    };
  } catch {
    return { ok: false, words: failureInWords('LINK_LOST') };
  }
}
