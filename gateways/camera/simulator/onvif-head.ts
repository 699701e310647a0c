import { createServer, type Server } from 'node:http';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { readXml, textOf, type XmlElement } from '../../kit/xml.ts';
import { find, passwordDigest } from '../onvif/soap.ts';

const BODY_BYTES = 64 * 1024;
/** A token older than this by the camera's own clock is refused, as cameras do. */
const TOKEN_FRESH_MS = 60_000;
/** Of the whole range, in a second at full speed. */
const SPEED_PER_S = 0.25;

export interface OnvifHeadOptions {
  host?: string;
  port?: number;
  username: string;
  password: string;
  clock: Clock;
  /** How far the camera's own clock is off. */
  clockOffMs?: number;
}

/** The head of a simulated camera as ONVIF clients see it: Device, Media and PTZ in one address, with WS-UsernameToken. */
export class OnvifHead implements AsyncDisposable {
  /** Where it looks, -1 to 1 in each direction; zoom 0 to 1. */
  readonly at = { pan: 0, tilt: 0, zoom: 0 };
  readonly orders: string[] = [];
  readonly presets = new Map([
    ['1', { name: '溢洪道闸门', pan: -0.5, tilt: 0.1, zoom: 0.3 }],
    ['2', { name: '下游河道', pan: 0.6, tilt: -0.2, zoom: 0 }],
  ]);
  readonly #options: OnvifHeadOptions;
  readonly #server: Server;
  #velocity = { pan: 0, tilt: 0, zoom: 0 };
  #since = 0;
  #timeout: Timer | undefined;

  private constructor(options: OnvifHeadOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    server.on('request', (request, response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      request.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > BODY_BYTES) return void request.destroy();
        pieces.push(piece);
      });
      request.on('end', () => {
        const { status, body } = this.#answer(Buffer.concat(pieces).toString('utf8'));
        response.writeHead(status, { 'content-type': 'application/soap+xml; charset=utf-8' }).end(body);
      });
    });
  }

  static async open(options: OnvifHeadOptions): Promise<OnvifHead> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return new OnvifHead(options, server);
  }

  get url(): string {
    return `http://${this.#options.host ?? '127.0.0.1'}:${(this.#server.address() as { port: number }).port}/onvif/device_service`;
  }

  get isMoving(): boolean {
    return Object.values(this.#velocity).some((each) => each !== 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timeout?.cancel();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(text: string): { status: number; body: string } {
    const read = readXml(text);
    const root = read.kind === 'document' ? read.root : undefined;
    const [order] = find(root, 'Body')?.children ?? [];
    if (!order) return fault(400, 'env:Sender', 'not well-formed');
    // Anybody may ask for the time: without it no token can be made.
    if (order.name !== 'GetSystemDateAndTime' && !this.#isAuthorized(root!))
      return fault(400, 'ter:NotAuthorized', 'Sender not authorized');
    return this.#obey(order);
  }

  #isAuthorized(root: XmlElement): boolean {
    const token = find(root, 'UsernameToken');
    const { username, password, clock, clockOffMs = 0 } = this.#options;
    const created = token && textOf(token, 'Created');
    const nonce = token && textOf(token, 'Nonce');
    if (!token || !created || !nonce || textOf(token, 'Username') !== username) return false;
    if (Math.abs(Date.parse(created) - clock.now() - clockOffMs) > TOKEN_FRESH_MS) return false;
    return textOf(token, 'Password') === passwordDigest(Buffer.from(nonce, 'base64'), created, password);
  }

  #obey(order: XmlElement): { status: number; body: string } {
    switch (order.name) {
      case 'GetSystemDateAndTime':
        return reply(timeAnswer(this.#options.clock.now() + (this.#options.clockOffMs ?? 0)));
      case 'GetCapabilities':
        return reply(
          `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>${this.url}</tt:XAddr></tt:Media>` +
            `<tt:PTZ><tt:XAddr>${this.url}</tt:XAddr></tt:PTZ></tds:Capabilities></tds:GetCapabilitiesResponse>`,
        );
      case 'GetProfiles':
        return reply(
          '<trt:GetProfilesResponse><trt:Profiles token="still"><tt:Name>still</tt:Name></trt:Profiles>' +
            '<trt:Profiles token="main"><tt:Name>main</tt:Name><tt:PTZConfiguration token="ptz"/></trt:Profiles></trt:GetProfilesResponse>',
        );
      case 'GetPresets':
        return reply(
          `<tptz:GetPresetsResponse>${[...this.presets]
            .map(([id, { name }]) => `<tptz:Preset token="${id}"><tt:Name>${name}</tt:Name></tptz:Preset>`)
            .join('')}</tptz:GetPresetsResponse>`,
        );
      case 'ContinuousMove':
        return this.#move(order);
      case 'Stop':
        this.#go({ pan: 0, tilt: 0, zoom: 0 });
        this.orders.push('stop');
        return reply('<tptz:StopResponse/>');
      case 'GotoPreset': {
        const preset = this.presets.get(textOf(order, 'PresetToken') ?? '');
        if (!preset) return fault(400, 'ter:NoToken', 'The requested preset token does not exist');
        this.#go({ pan: 0, tilt: 0, zoom: 0 });
        Object.assign(this.at, { pan: preset.pan, tilt: preset.tilt, zoom: preset.zoom });
        this.orders.push(`preset ${preset.name}`);
        return reply('<tptz:GotoPresetResponse/>');
      }
      default:
        return fault(500, 'ter:ActionNotSupported', 'Optional action not implemented');
    }
  }

  #move(order: XmlElement): { status: number; body: string } {
    const of = (name: string, axis: string) => Number(find(order, name)?.attributes[axis] ?? 0);
    const velocity = { pan: of('PanTilt', 'x'), tilt: of('PanTilt', 'y'), zoom: of('Zoom', 'x') };
    if (!Object.values(velocity).every((each) => each >= -1 && each <= 1))
      return fault(400, 'ter:InvalidVelocity', 'The requested velocity is out of bounds');
    this.#go(velocity);
    this.orders.push(`move ${velocity.pan} ${velocity.tilt} ${velocity.zoom}`);
    const [, seconds = '10'] = /^PT([\d.]+)S$/.exec(textOf(order, 'Timeout') ?? '') ?? [];
    this.#timeout = this.#options.clock.after(Number(seconds) * 1000, () => {
      this.#go({ pan: 0, tilt: 0, zoom: 0 });
      this.orders.push('timeout');
    });
    return reply('<tptz:ContinuousMoveResponse/>');
  }

  #go(velocity: typeof this.at): void {
    const now = this.#options.clock.monotonic();
    const way = ((now - this.#since) / 1000) * SPEED_PER_S;
    const within = (value: number, least: number) => Math.min(1, Math.max(least, value));
    this.at.pan = within(this.at.pan + this.#velocity.pan * way, -1);
    this.at.tilt = within(this.at.tilt + this.#velocity.tilt * way, -1);
    this.at.zoom = within(this.at.zoom + this.#velocity.zoom * way, 0);
    this.#since = now;
    this.#velocity = velocity;
    this.#timeout?.cancel();
  }
}

const NAMESPACES = [
  'xmlns:env="http://www.w3.org/2003/05/soap-envelope"',
  'xmlns:tt="http://www.onvif.org/ver10/schema"',
  'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"',
  'xmlns:trt="http://www.onvif.org/ver10/media/wsdl"',
  'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"',
  'xmlns:ter="http://www.onvif.org/ver10/error"',
].join(' ');

const envelope = (content: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><env:Envelope ${NAMESPACES}><env:Body>${content}</env:Body></env:Envelope>`;

const reply = (content: string) => ({ status: 200, body: envelope(content) });

const fault = (status: number, subcode: string, reason: string) => ({
  status,
  body: envelope(
    `<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>${subcode}</env:Value></env:Subcode></env:Code>` +
      `<env:Reason><env:Text xml:lang="en">${reason}</env:Text></env:Reason></env:Fault>`,
  ),
});

function timeAnswer(atMs: number): string {
  const at = new Date(atMs);
  return (
    '<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:UTCDateTime>' +
    `<tt:Time><tt:Hour>${at.getUTCHours()}</tt:Hour><tt:Minute>${at.getUTCMinutes()}</tt:Minute><tt:Second>${at.getUTCSeconds()}</tt:Second></tt:Time>` +
    `<tt:Date><tt:Year>${at.getUTCFullYear()}</tt:Year><tt:Month>${at.getUTCMonth() + 1}</tt:Month><tt:Day>${at.getUTCDate()}</tt:Day></tt:Date>` +
    '</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>'
  );
}
