import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, isUdpFree } from './ports.ts';
import { ok, sipp, toneFile } from './sipp.ts';
import { until } from './wait.ts';

/** What a far end of a trunk does with the calls that it gets. */
interface FarEndPlay {
  port?: number;
  /** Each must be found in the INVITE, else the call fails: regular expressions as SIPp has them, without <, &, ". */
  expects?: string[];
  /** Refuses: the status line, and a Reason header when the network says why. */
  refuses?: { status: string; reason?: string };
  /** Speaks this tone in a reliable 183 (RFC 3262) for `earlyMs`, and only then answers. */
  earlyToneHz?: number;
  earlyMs?: number;
  calls?: number;
}

/** The far end of a trunk that registers nowhere: SIPp. It tells whether its calls went as written: exit code 0. */
export async function farEnd(
  t: TestContext,
  play: FarEndPlay,
): Promise<{ port: number; ended: Promise<number | null> }> {
  const port = play.port ?? (await freePort());
  // SIPp takes the ports for sound and picture, each with its RTCP, beside one another.
  const [mediaPort] = [await freePort(), await freePort(), await freePort()];
  const tone = join(tmpdir(), `tocsin-tone-${process.pid}-${port}.alaw`);
  if (play.earlyToneHz !== undefined) await writeFile(tone, toneFile(play.earlyToneHz));
  const { ended, said } = await sipp(t, {
    scenario: play.refuses ? refusing(play, play.refuses) : answering(play, tone),
    ...{ server: '127.0.0.1:5060', port, mediaPort, seconds: 120, calls: play.calls ?? 1 },
  });
  let hasEnded = false;
  const result = ended.then((code) => {
    hasEnded = true;
    if (code !== 0) console.error(said());
    return code;
  });
  await until('the far end listens', async () => {
    if (hasEnded) throw new Error(`SIPp did not start: ${said()}`);
    return !(await isUdpFree(port));
  });
  return { port, ended: result };
}

const scenario = (name: string, body: string) => `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="${name}">
${body}
</scenario>
`;

/** Takes the INVITE, keeps what its answers must repeat, and looks for what is expected. */
const invited = (expects: string[] = []) => `<recv request="INVITE"><action>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
${expects
  .map((each, index) => `<ereg regexp="${each}" search_in="msg" check_it="true" assign_to="expected${index}"/>`)
  .join('\n')}
</action></recv>
<Reference variables="via,from,to,cseq${expects.map((_, index) => `,expected${index}`).join('')}"/>`;

/** An answer to the INVITE, whatever came between. */
const answer = (status: string, headers: string[], body = '') => `<send><![CDATA[
SIP/2.0 ${status}
Via:[$via]
From:[$from]
To:[$to];tag=[pid]f[call_number]
[last_Call-ID:]
CSeq:[$cseq]
Contact: <sip:far@[local_ip]:[local_port]>
${[...headers, body === '' ? 'Content-Length: 0' : 'Content-Type: application/sdp\nContent-Length: [len]'].join('\n')}

${body}]]></send>`;

const SDP = `v=0
o=far 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
`;

function refusing({ expects }: FarEndPlay, { status, reason }: NonNullable<FarEndPlay['refuses']>): string {
  const refusal = answer(status, reason === undefined ? [] : [`Reason: ${reason}`]);
  return scenario('refuses', `${invited(expects)}\n${refusal}\n<recv request="ACK"/>`);
}

function answering({ expects, earlyToneHz, earlyMs = 0 }: FarEndPlay, tone: string): string {
  const early =
    earlyToneHz === undefined
      ? answer('180 Ringing', [])
      : `${answer('183 Session Progress', ['Require: 100rel', 'RSeq: 1'], SDP)}
<recv request="PRACK"/>
${ok}
<nop><action><exec rtp_stream="${tone},-1,8"/></action></nop>
<pause milliseconds="${earlyMs}"/>`;
  return scenario(
    'answers',
    `${invited(expects)}
${early}
${answer('200 OK', ['Allow: INVITE, ACK, BYE, CANCEL, PRACK'], SDP)}
<recv request="ACK"/>
<recv request="BYE"/>
${ok}`,
  );
}
