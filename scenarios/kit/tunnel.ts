import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';

/**
 * The way of one phone to the server, which can be cut as a road tunnel cuts it: nothing comes through, and nobody is told.
 * The page comes through it by `http`, and its media by the ports that `leadMedia` puts into what the server offers.
 */
export class Tunnel {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  readonly #media = new Map<number, { port: number; socket: UdpSocket; ways: Map<number, UdpSocket> }>();
  #target: number;
  #isCut = false;

  static async open(t: TestContext, http: string): Promise<Tunnel> {
    const tunnel = new Tunnel(http);
    await new Promise<void>((resolve) => tunnel.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => tunnel.close());
    return tunnel;
  }

  private constructor(http: string) {
    this.#target = Number(new URL(http).port);
    this.#server = createServer((near) => {
      const far = connect(this.#target, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [far, near]] as const) {
        from.on('data', (data) => to.write(data));
        from.on('error', () => {});
        from.once('close', () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
        if (this.#isCut) from.pause();
      }
    });
  }

  /** An address of the server, as seen through the tunnel. */
  through(address: string): string {
    const url = new URL(address);
    url.port = String((this.#server.address() as { port: number }).port);
    return url.href;
  }

  /** The server has another port after its restart. */
  leadTo(http: string): void {
    this.#target = Number(new URL(http).port);
    for (const [near] of this.#pairs) near.destroy();
  }

  cut(): void {
    this.#isCut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  mend(): void {
    this.#isCut = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Has the page's media come through the tunnel too. Call it before the page is opened. */
  async leadMedia(page: Page): Promise<void> {
    await page.exposeFunction('portInTunnel', (port: number) => this.#portFor(port));
    await page.addInitScript(LEAD_MEDIA);
  }

  close(): void {
    this.#server.close();
    for (const [near] of this.#pairs) near.destroy();
    for (const { socket, ways } of this.#media.values()) for (const each of [socket, ...ways.values()]) each.close();
  }

  async #portFor(target: number): Promise<number> {
    const known = this.#media.get(target);
    if (known) return known.port;
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const ways = new Map<number, UdpSocket>();
    this.#media.set(target, { port: socket.address().port, socket, ways });
    socket.on('message', (packet, { port }) => {
      let way = ways.get(port);
      if (!way) {
        way = createSocket('udp4');
        way.on('message', (answer) => {
          if (!this.#isCut) socket.send(answer, port, '127.0.0.1');
        });
        ways.set(port, way);
      }
      if (!this.#isCut) way.send(packet, target, '127.0.0.1');
    });
    return socket.address().port;
  }
}

/** Every UDP candidate of the server gets the tunnel's port; ways by TCP, which would lead past it, are left out. */
const LEAD_MEDIA = `
{
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
    const lines = [];
    for (const line of sdp.split('\\r\\n')) {
      const [, transport, place, port] = /^a=candidate:\\S+ \\d+ (\\S+) \\d+ (\\S+) (\\d+) /.exec(line) ?? [];
      if (!transport) lines.push(line);
      else if (transport.toLowerCase() === 'udp')
        lines.push(line.replace(place + ' ' + port + ' ', place + ' ' + (await portInTunnel(Number(port))) + ' '));
    }
    return await set.call(this, { type, sdp: lines.join('\\r\\n') });
  };
}
`;
