import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';

/** How often a pair of ports is looked for before it is given up; a machine with so few free ports has other troubles. */
const ATTEMPTS = 100;

/**
 * An even UDP port that is free together with the next one, for RTP and RTCP of a recorder (RFC 3550 §11). It is let go
 * before the recorder takes it: should another program be faster, the recorder does not start and the caller tries again.
 */
export async function freeRtpPort(host: string): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const chosen = await boundPort(host, 0);
    if (chosen === undefined) continue;
    const even = chosen - (chosen % 2);
    if ((await boundPort(host, even)) === even && (await boundPort(host, even + 1)) === even + 1) return even;
  }
  throw new Error('no two free ports in a row');
}

/**
 * Are all these UDP ports bound on this machine? Linux says so; elsewhere the answer is undefined-by-time: it is always yes,
 * and the caller has to give the recorder a moment.
 */
export async function areBound(ports: readonly number[]): Promise<boolean> {
  const tables = await Promise.all(
    ['/proc/net/udp', '/proc/net/udp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const text = tables.join('\n');
  if (text.trim() === '') return true;
  const bound = new Set(
    [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map(([, port]) => parseInt(port ?? '', 16)),
  );
  return ports.every((port) => bound.has(port));
}

/** Binds, closes, and says which port it was; undefined when it is taken. */
function boundPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind(port, host, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}
