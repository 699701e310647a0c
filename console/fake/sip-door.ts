import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

/** A call that the stand-in places to the seat's browser phone as soon as it has registered. */
export interface PlacedCall {
  from: string;
  name: string;
  /** The phone answers by itself. */
  answersItself: boolean;
}

/**
 * Enough of a switch for the browser phone to register, ring and hold calls: the signalling is real, no sound flows. The
 * product's switch is `server/src/sip`.
 */
export function openSipDoor(http: HttpServer, callsOf: (account: string) => PlacedCall[]): { close(): void } {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'sip' });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.startsWith('/sip')) sockets.handleUpgrade(request, socket, head, (web) => serve(web, callsOf));
  });
  return { close: () => sockets.close() };
}

const token = () => randomBytes(6).toString('hex');

function serve(web: WebSocket, callsOf: (account: string) => PlacedCall[]) {
  const placed = new Set<string>();
  web.on('message', (data) => {
    const text = String(data);
    if (text.trim() === '') return void web.send('\r\n');
    const [first = ''] = text.split('\r\n');
    const header = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(text)?.[1]?.trim() ?? '';
    const vias = [...text.matchAll(/^via:\s*(.*)$/gim)].map((match) => `Via: ${match[1]}`).join('\r\n');
    const answer = (status: string, more: string[] = [], body = '') =>
      web.send(
        [
          `SIP/2.0 ${status}`,
          vias,
          `From: ${header('from')}`,
          `To: ${/;tag=/.test(header('to')) ? header('to') : `${header('to')};tag=${token()}`}`,
          `Call-ID: ${header('call-id')}`,
          `CSeq: ${header('cseq')}`,
          ...more,
          `Content-Length: ${body.length}`,
          '',
          body,
        ].join('\r\n'),
      );

    if (first.startsWith('SIP/2.0')) {
      if (/^SIP\/2\.0 [2-6]/.test(first) && /INVITE/.test(header('cseq'))) acknowledge(text, header);
      return;
    }
    const method = first.split(' ')[0];
    if (method === 'ACK') return;
    if (method === 'REGISTER') {
      const account = /sip:([^@;>]+)/.exec(header('to'))?.[1] ?? '';
      const expires = /expires:\s*0/i.test(text) || /expires=0/.test(header('contact')) ? 0 : 300;
      answer('200 OK', expires ? [`Contact: ${header('contact').replace(/;expires=\d+/, '')};expires=${expires}`] : []);
      if (expires && !placed.has(account)) {
        placed.add(account);
        const contact = /<(sips?:[^>]+)>/.exec(header('contact'))?.[1] ?? '';
        callsOf(account).forEach((call, i) => setTimeout(() => invite(contact, account, call), 50 + i * 250));
      }
      return;
    }
    if (method === 'INVITE') {
      // A re-INVITE (hold, take up again) is agreed with the same offer turned round.
      const body = text.split('\r\n\r\n')[1] ?? '';
      const isHeld = /a=(sendonly|inactive)/.test(body);
      answer(
        '200 OK',
        ['Contact: <sip:fake@tocsin.invalid;transport=ws>', 'Content-Type: application/sdp'],
        sdp(isHeld ? 'recvonly' : 'sendrecv', 'passive'),
      );
      return;
    }
    answer('200 OK');
  });

  function invite(contact: string, account: string, call: PlacedCall) {
    const body = sdp('sendrecv', 'actpass');
    web.send(
      [
        `INVITE ${contact} SIP/2.0`,
        `Via: SIP/2.0/WS fake.invalid;branch=z9hG4bK${token()}`,
        'Max-Forwards: 70',
        `From: "${call.name}" <sip:${call.from}@tocsin>;tag=${token()}`,
        `To: <sip:${account}@tocsin>`,
        `Call-ID: ${token()}@fake`,
        'CSeq: 1 INVITE',
        'Contact: <sip:fake@tocsin.invalid;transport=ws>',
        ...(call.answersItself ? ['X-Tocsin-Answer: auto'] : []),
        'Content-Type: application/sdp',
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    );
  }

  function acknowledge(text: string, header: (name: string) => string) {
    const contact = /<(sips?:[^>]+)>/.exec(header('contact'))?.[1] ?? 'sip:fake@tocsin.invalid';
    const isOk = text.startsWith('SIP/2.0 2');
    web.send(
      [
        `ACK ${contact} SIP/2.0`,
        isOk ? `Via: SIP/2.0/WS fake.invalid;branch=z9hG4bK${token()}` : `Via: ${header('via')}`,
        `From: ${header('from')}`,
        `To: ${header('to')}`,
        `Call-ID: ${header('call-id')}`,
        `CSeq: ${header('cseq').split(' ')[0]} ACK`,
        'Max-Forwards: 70',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  }
}

let version = 0;
function sdp(direction: string, setup: string): string {
  version += 1;
  return [
    'v=0',
    `o=- 4611686018427 ${version} IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=group:BUNDLE 0',
    'a=msid-semantic: WMS *',
    'm=audio 9 UDP/TLS/RTP/SAVPF 8 126',
    'c=IN IP4 127.0.0.1',
    'a=mid:0',
    'a=ice-ufrag:fakefakefake',
    'a=ice-pwd:fakefakefakefakefakefakefake',
    'a=candidate:1 1 udp 1076302079 127.0.0.1 9 typ host',
    'a=end-of-candidates',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
    `a=setup:${setup}`,
    'a=rtcp-mux',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:126 telephone-event/8000',
    'a=fmtp:126 0-16',
    'a=ptime:20',
    `a=${direction}`,
    'a=msid:fake a0',
    'a=ssrc:424242 cname:fake',
    '',
  ].join('\r\n');
}
