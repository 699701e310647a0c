import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/**
 * The same port for TCP and UDP. A port chosen freely for the one may be taken for the other: then another is tried.
 * @param wanted 0 = chosen freely
 * @throws when the port is taken
 */
export async function openDoors(host: string, wanted: number): Promise<{ tcp: Server; udp: UdpSocket; port: number }> {
  for (let triesLeft = wanted === 0 ? 20 : 1; ; triesLeft -= 1) {
    const tcp = createServer();
    await listening(tcp, () => tcp.listen(wanted, host));
    const { port } = tcp.address() as { port: number };
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    try {
      await listening(udp, () => udp.bind(port, host));
      return { tcp, udp, port };
    } catch (error) {
      udp.close();
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
      if (triesLeft <= 1) throw error;
    }
  }
}

async function listening(door: Server | UdpSocket, open: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    door.once('error', reject);
    door.once('listening', () => {
      door.off('error', reject);
      resolve();
    });
    open();
  });
}
