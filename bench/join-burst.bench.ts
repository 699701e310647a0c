/**
 * A burst of arrivals: how many of those who dial one conference within ten seconds are in it together, how soon each is
 * answered, and what the burst costs the server. SIPp on the carrier's side; each call sends what it hears back. Prints
 * one JSON line.
 *
 *   node bench/join-burst.bench.ts [parties]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConferenceView } from '@tocsin/protocol/views.ts';
import { pause, until } from '../scenarios/kit/wait.ts';
import { type House, inHouse } from './house.ts';
import { cpuOfTree, MACHINE } from './sip-load.ts';

const BURST_S = 10;
/** Longer than the burst takes on a slow machine, shorter than the 20 s after which a leg without sound is given up. */
const HOLD_MS = 18_000;
const parties = Number(process.argv[2] ?? 200);

/** Dials the room, stays, and hangs up. */
const CALLER = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="join">
<send retrans="500"><![CDATA[
INVITE sip:8001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:138[call_number]@[local_ip]:[local_port]>;tag=[pid]j[call_number]
To: <sip:8001@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:138@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000

]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rtd="true"/>
<send><![CDATA[
ACK sip:8001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>

<pause milliseconds="${HOLD_MS}"/>
<send retrans="500"><![CDATA[
BYE sip:8001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`;

await inHouse((site) => {
  site.trunks![0]!.lines = parties + 10;
}, measure);

async function measure({ tocsin, t }: House) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-burst-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'join.xml'), CALLER);
  const rate = Math.ceil(parties / BURST_S);
  const cpuBefore = cpuOfTree(tocsin.pid);
  const startedMs = performance.now();
  const child = spawn(
    'sipp',
    [
      ...[tocsin.sip, '-sf', 'join.xml', '-i', '127.0.0.1', '-p', '15555', '-mp', '31000'],
      ...['-m', String(parties), '-l', String(parties), '-r', String(rate), '-nostdin', '-timeout', '120'],
      ...['-trace_stat', '-fd', '1', '-stf', join(folder, 'stat.csv')],
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  t.after(() => child.kill('SIGKILL'));
  let most = 0;
  let allInAfterMs: number | undefined;
  const watching = (async () => {
    while (child.exitCode === null && most < parties) {
      const [room] = await tocsin.get<ConferenceView[]>('/api/conferences');
      most = Math.max(most, room?.participants.filter(({ state }) => state === 'in').length ?? 0);
      if (most >= parties) allInAfterMs ??= Math.round(performance.now() - startedMs);
      await pause(100);
    }
  })();
  const code = await ended;
  await watching;
  const cpuSeconds = cpuOfTree(tocsin.pid) - cpuBefore;
  const ends = await until('every end is on the timeline', async () => {
    const found = await tocsin.timeline({ kind: 'conference.participant-left' });
    return found.length >= most && found;
  });
  const dropped = ends.filter(({ data }) => data['because'] !== 'caller-hung-up').length;
  console.log(
    JSON.stringify({
      bench: 'join-burst',
      machine: MACHINE,
      method: `SIPp dials one room ${parties} times, ${rate} a second, each stays ${HOLD_MS / 1000} s; seen by /api/conferences every 100 ms`,
      parties,
      inTogether: most,
      allInAfterMs: allInAfterMs ?? null,
      dropped,
      sippExitCode: code,
      cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    }),
  );
}
