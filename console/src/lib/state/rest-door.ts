import { failureInWords } from './act.ts';

/** What REST gave, or why not, in words for people. */
export type Answered<T> = { ok: true; value: T } | { ok: false; words: string };

/** Asks the server over REST, for what is not live on the socket. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<Answered<T>> {
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
