/**
 * Keeps the PostgreSQL of a test run: `node test-guardian.ts`, started by test-database.ts. It lives as long as any test
 * process is connected to its socket and a few seconds longer, then removes all it made. Being able to bind the socket is
 * the right to be the guardian; a second one that cannot goes away.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Timer } from '#kernel/clock.ts';
import { openLog } from '#kernel/log.ts';
import { openEmbeddedPostgres } from './embedded.ts';
import { RENDEZVOUS } from './test-database.ts';

/** Between the last process's leaving and the end: the next file of a run comes sooner. */
const LINGER_MS = 5000;

/** Nobody keeps what tests write, so it need not survive a power cut; and more tests than one run at once. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum: 'off',
};

const guests = new Set<Socket>();
let leaving: Timer | undefined;
let announce: (url: string) => void = () => {};
const url = new Promise<string>((resolve) => (announce = resolve));

const server = createServer((socket) => {
  guests.add(socket);
  leaving?.cancel();
  socket.on('error', () => {});
  socket.on('close', () => {
    guests.delete(socket);
    waitForGuests();
  });
  void url.then((value) => socket.write(`${JSON.stringify({ url: value })}\n`));
});
if (await becomeGuardian(server)) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-test-'));
  try {
    const postgres = await openEmbeddedPostgres({
      folder,
      clock: systemClock,
      log: openLog('warn'),
      settings: SETTINGS,
    });
    announce(postgres.url);
    waitForGuests();
    await new Promise((resolve) => server.once('close', resolve));
    await postgres[Symbol.asyncDispose]();
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(`${RENDEZVOUS}.log`, { force: true });
  }
}

function waitForGuests() {
  leaving?.cancel();
  if (guests.size === 0) leaving = systemClock.after(LINGER_MS, () => server.close());
}

async function becomeGuardian(candidate: Server): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const isBound = await new Promise<boolean>((resolve) => {
      candidate.once('error', () => resolve(false)).listen(RENDEZVOUS, () => resolve(true));
    });
    if (isBound) return true;
    if (await someoneAnswers()) return false;
    await rm(RENDEZVOUS, { force: true });
  }
  return false;
}

function someoneAnswers(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(RENDEZVOUS);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}
