import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from './ports.ts';
import { ok, sipp, toneFile } from './sipp.ts';

/**
 * A caller that SIPp plays: it proves itself, calls, says a tone, presses 5 by INFO, holds and takes back its partner, answers the
 * refresh of the session (RFC 4028: 90 s, so that it comes after 45 s), and
 * hands its partner on without wanting to be told how that fares (RFC 4488). Its exit code is 0 when all of it went as written;
 * it has no ears. `transport`: what it speaks.
 */
export async function scriptedCaller(
  t: TestContext,
  options: {
    user: string;
    password: string;
    server: string;
    calls: string;
    handsOnTo: string;
    toneHz: number;
    transport: 'udp' | 'tcp';
  },
): Promise<{ ended: Promise<number | null>; said: () => string }> {
  const [port, mediaPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const tone = join(tmpdir(), `tocsin-tone-${process.pid}-${port}.alaw`);
  await writeFile(tone, toneFile(options.toneHz));
  return await sipp(t, {
    scenario: scenario(options, tone),
    ...{ server: options.server, port: port!, mediaPort: mediaPort!, seconds: 120, transport: options.transport },
  });
}

/** Long enough for the partner to be listened to between two acts. */
const PAUSE = '<pause milliseconds="2500"/>';

function scenario(
  { user, password, server, calls, handsOnTo }: Parameters<typeof scriptedCaller>[1],
  tone: string,
): string {
  const head = (method: string, cseq: number, isInDialog: boolean, more: string) => `${method} ${
    isInDialog ? '[next_url]' : `sip:${calls}@${server}`
  } SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:${user}@${server}>;tag=[pid]c[call_number]
To: <sip:${calls}@${server}>${isInDialog ? '[peer_tag_param]' : ''}
Call-ID: [call_id]
CSeq: ${cseq} ${method === 'ACK' ? 'ACK' : method}
Contact: <sip:${user}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${more}`;
  const empty = 'Content-Length: 0\n\n';
  // The Via of the refusal, for the server matches this ACK by it (RFC 3261 §17.1.1.3).
  const refusedAck = head('ACK', 1, true, empty)
    .replace('[next_url]', `sip:${calls}@${server}`)
    .replace(/^Via: .*$/m, '[last_Via:]');
  const offer = (version: number, direction: string) => `Supported: timer
Session-Expires: 90;refresher=uas
Allow: INVITE, ACK, BYE, CANCEL, INFO, UPDATE, NOTIFY, REFER
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 ${version} IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=${direction}
`;
  const send = (text: string, retrans = true) => `<send${retrans ? ' retrans="500"' : ''}><![CDATA[\n${text}]]></send>`;
  const provisional =
    '<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>';
  const reinvite = (cseq: number, direction: string) => `${send(head('INVITE', cseq, true, offer(cseq, direction)))}
<recv response="100" optional="true"/><recv response="200"/>
${send(head('ACK', cseq, true, empty), false)}
${PAUSE}`;
  const digit = 'Signal=5\nDuration=160\n';
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="calls and does everything">
${send(head('INVITE', 1, false, offer(1, 'sendrecv')))}
<recv response="100" optional="true"/><recv response="401" auth="true"/>
${send(refusedAck, false)}
${send(head('INVITE', 2, false, `[authentication username=${user} password=${password}]\n${offer(1, 'sendrecv')}`))}
${provisional}<recv response="200" rrs="true"/>
${send(head('ACK', 2, true, empty), false)}
<nop><action><exec rtp_stream="${tone},-1,8"/></action></nop>
${PAUSE}
${send(head('INFO', 3, true, `Content-Type: application/dtmf-relay\nContent-Length: [len]\n\n${digit}`))}
<recv response="200"/>
${PAUSE}
${reinvite(4, 'sendonly')}
${reinvite(5, 'sendrecv')}
<recv request="UPDATE"><action>
<ereg regexp="90;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="terms"/>
</action></recv>
<Reference variables="terms"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:${user}@[local_ip]:[local_port];transport=[transport]>
Supported: timer
Session-Expires: 90;refresher=uac
Content-Length: 0

]]></send>
${PAUSE}
${send(head('REFER', 6, true, `Refer-To: <sip:${handsOnTo}@${server}>\nRefer-Sub: false\n${empty}`))}
<recv response="202"/>
<recv request="BYE"/>
${ok}
</scenario>
`;
}
