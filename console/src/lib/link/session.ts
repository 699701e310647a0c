/** The REST door of a session: log in, log out, how the server stands. The cookie it sets is all the console keeps. */

export type LogInOutcome = { ok: true } | { ok: false; code: string; message: string };

export async function logIn(username: string, password: string): Promise<LogInOutcome> {
  try {
    const response = await fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
    if (response.ok) return { ok: true };
    const body = (await response.json().catch(() => ({}))) as { code?: string; message?: string };
    const code =
      body.code ??
      (response.status === 429 ? 'LOGIN_THROTTLED' : response.status === 401 ? 'LOGIN_FAILED' : 'INTERNAL');
    return { ok: false, code, message: body.message ?? '' };
  } catch {
    return { ok: false, code: 'UNREACHABLE', message: '' };
  }
}

export async function logOut(): Promise<void> {
  await fetch('/api/session', { method: 'DELETE' }).catch(() => undefined);
}

export interface HealthLine {
  what: 'server' | 'phones' | 'browser';
  state: 'ready' | 'preparing' | 'degraded' | 'failed';
  percent?: number;
}
export type Health =
  { kind: 'unreachable'; isDemo?: undefined } | { kind: 'answered'; isDemo?: boolean; lines: HealthLine[] };

export async function readHealth(): Promise<Health> {
  try {
    const response = await fetch('/api/health');
    return healthLines((await response.json()) as Record<string, unknown>);
  } catch {
    return { kind: 'unreachable' };
  }
}

/**
 * Reads `GET /api/health` into the three lines of the log-in page. A part is a word (`ok`, anything else is trouble) or an
 * object: `{problem}`, or `{preparing, done, total}` while it is being made.
 */
export function healthLines(body: Record<string, unknown>): Health {
  const parts = (body['parts'] ?? {}) as Record<string, unknown>;
  const stateOf = (...names: string[]): HealthLine['state'] => {
    const states = names.filter((name) => name in parts).map((name) => read(parts[name]).state);
    return states.find((state) => state === 'failed') ?? states.find((state) => state !== 'ready') ?? 'ready';
  };
  const browser = read(parts['webrtc']);
  return {
    kind: 'answered',
    ...(typeof body['demo'] === 'boolean' ? { isDemo: body['demo'] } : {}),
    lines: [
      { what: 'server', state: stateOf('database', 'mqtt', 'gateways') },
      { what: 'phones', state: stateOf('sip', 'media') },
      { what: 'browser', ...browser },
    ],
  };
}

function read(part: unknown): Omit<HealthLine, 'what'> {
  const fields = (typeof part === 'object' && part !== null ? part : { state: part }) as Record<string, unknown>;
  if ('problem' in fields) return { state: 'failed' };
  const word = 'preparing' in fields ? 'preparing' : String(fields['state'] ?? 'ok');
  const { done, total } = fields;
  const percent =
    typeof done === 'number' && typeof total === 'number' && total > 0
      ? { percent: Math.floor((done / total) * 100) }
      : {};
  if (word === 'ok' || word === 'ready') return { state: 'ready' };
  if (word === 'preparing') return { state: 'preparing', ...percent };
  if (word === 'failed' || word === 'down') return { state: 'failed' };
  return { state: 'degraded' };
}
