import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Where stories look for ports: below those that the system gives to sockets that ask for any, so that nothing takes one
 * between the look and its use. Each process begins at another place and never gives a port twice.
 */
const FIRST = 10_000;
const PORTS = 4_990;
const BLOCK = 50;
let next = (process.pid * BLOCK) % PORTS;

/** A port that is free for UDP and TCP on loopback now. */
export async function freePort(): Promise<number> {
  return await find(async (port) => (await isTcpFree(port)) && (await isUdpFree(port)));
}

/** A free port whose successor is free too. */
export async function freePortPair(): Promise<number> {
  return await find(async (port) => (await isTcpFree(port)) && (await isUdpFree(port)) && (await isTcpFree(port + 1)));
}

/** The first of so many free ports in a row, for a phone that takes the next ones by itself for its further calls. */
export async function freePortRow(ports: number): Promise<number> {
  return await find(async (first) => {
    for (let port = first; port < first + ports; port += 1) if (!(await isUdpFree(port))) return false;
    return true;
  }, ports);
}

async function find(isFree: (port: number) => Promise<boolean>, ports = 2): Promise<number> {
  for (let attempt = 0; attempt < PORTS / 2; attempt += 1) {
    // Taken before the first wait, so that two who look at the same time do not find the same.
    const port = FIRST + next;
    next = next + 2 * ports > PORTS ? 0 : next + ports;
    if (await isFree(port)) return port;
  }
  throw new Error('no free port found');
}

async function isTcpFree(port: number): Promise<boolean> {
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isFree) await new Promise<void>((resolve) => server.close(() => resolve()));
  return isFree;
}

export async function isUdpFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const isFree = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => resolve(true));
  });
  if (isFree) await new Promise<void>((resolve) => socket.close(() => resolve()));
  return isFree;
}
