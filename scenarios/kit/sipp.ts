import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { encodeG711 } from '@tocsin/server/media';
import { freePort, isUdpFree } from './ports.ts';
import { until } from './wait.ts';

/** Runs a SIPp scenario; resolves with its exit code: 0 when every call of it went as written. */
export async function sipp(
  t: TestContext,
  options: {
    scenario: string;
    server: string;
    port: number;
    seconds: number;
    calls?: number;
    mediaPort?: number;
    transport?: 'udp' | 'tcp';
  },
): Promise<{ ended: Promise<number | null>; said: () => string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-sipp-'));
  const file = join(folder, 'scenario.xml');
  await writeFile(file, options.scenario);
  const child = spawn(
    'sipp',
    [
      ...(options.transport === 'tcp' ? ['-t', 't1'] : []),
      ...[options.server, '-sf', file, '-i', '127.0.0.1', '-p', String(options.port)],
      ...[
        '-m',
        String(options.calls ?? 1),
        ...(options.mediaPort === undefined ? [] : ['-mi', '127.0.0.1', '-mp', String(options.mediaPort)]),
        '-timeout',
        String(options.seconds),
        '-timeout_error',
        '-nostdin',
        '-trace_err',
        '-deadcall_wait',
        '0',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (said = (said + data.toString('latin1')).slice(-4000)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  t.after(async () => {
    await stop(child, ended);
    await rm(folder, { recursive: true, force: true });
  });
  return { ended, said: () => said };
}

/** A phone that registers and then declines the one call that it gets with 603: SIPp, played by two scenarios. */
export async function decliningPhone(
  t: TestContext,
  options: { user: string; password: string; server: string },
): Promise<{ refused: Promise<number | null> }> {
  const port = await freePort();
  const registering = await sipp(t, { scenario: registerAs(options), server: options.server, port, seconds: 30 });
  const code = await registering.ended;
  if (code !== 0) throw new Error(`SIPp did not register as ${options.user} (${code}): ${registering.said()}`);
  const declining = await sipp(t, { scenario: DECLINE, server: options.server, port, seconds: 120 });
  await until('SIPp listens', async () => !(await isUdpFree(port)));
  return { refused: declining.ended };
}

/**
 * A desk phone that watches another's lamp: SIPp subscribes to its dialogs, and
 * ends well when it has seen it free, ringing,
 * talking and free again, in this order.
 */
export async function watchesLamp(
  t: TestContext,
  options: { user: string; password: string; server: string; watched: string },
): Promise<{ seenAll: Promise<number | null>; said: () => string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-lamp-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { ended, said } = await sipp(t, {
    scenario: watchAs({ ...options, mark: join(folder, 'free') }),
    server: options.server,
    port: await freePort(),
    seconds: 60,
  });
  await until('the lamp is seen dark', () => existsSync(join(folder, 'free')));
  return { seenAll: ended, said };
}

/**
 * A phone that registers and takes one call as `part` says, which begins after the INVITE has come; headers can be judged
 * with `expectHeader`. Its exit code is 0 when all of it went as written.
 */
export async function scriptedPhone(
  t: TestContext,
  options: { user: string; password: string; server: string; part: string },
): Promise<{ ended: Promise<number | null>; said: () => string }> {
  const port = await freePort();
  const registering = await sipp(t, { scenario: registerAs(options), server: options.server, port, seconds: 30 });
  const code = await registering.ended;
  if (code !== 0) throw new Error(`SIPp did not register as ${options.user} (${code}): ${registering.said()}`);
  const phone = await sipp(t, {
    scenario: `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="phone">
${options.part}
</scenario>
`,
    server: options.server,
    port,
    seconds: 120,
  });
  await until('SIPp listens', async () => !(await isUdpFree(port)));
  return phone;
}

/** A request that must come, and what one of its headers must look like. */
export function expectRequest(method: string, header?: { name: string; like: string }): string {
  if (!header) return `<recv request="${method}"/>`;
  return `<recv request="${method}">
<action>
<ereg regexp="${header.like}" search_in="hdr" header="${header.name}:" check_it="true" assign_to="1"/>
</action>
</recv>
<Reference variables="1"/>`;
}

async function stop(child: ChildProcess, ended: Promise<number | null>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await ended;
}

function registerAs({ user, password, server }: { user: string; password: string; server: string }): string {
  const register = (cseq: number, authentication: string) => `<send retrans="500"><![CDATA[
REGISTER sip:${server} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:${user}@${server}>;tag=[pid]r[call_number]
To: <sip:${user}@${server}>
Call-ID: [call_id]
CSeq: ${cseq} REGISTER
${authentication}Contact: <sip:${user}@[local_ip]:[local_port]>;expires=300
Max-Forwards: 70
Content-Length: 0

]]></send>`;
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="register">
${register(1, '')}
<recv response="401" auth="true"/>
${register(2, `[authentication username=${user} password=${password}]\n`)}
<recv response="200"/>
</scenario>
`;
}

/** One second of a tone, as SIPp's rtp_stream plays it. */
export function toneFile(hz: number): Uint8Array {
  const samples = Int16Array.from({ length: 8000 }, (_, i) =>
    Math.round(9000 * Math.sin((2 * Math.PI * hz * i) / 8000)),
  );
  return encodeG711('pcma', samples);
}

/** Answers the request that came last, in a dialog. */
export const ok = `<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`;

/** Answers the request that came last. */
export const answerWith = (status: string): string => `<send><![CDATA[
SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]d[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>`;

const DECLINE = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="decline">
<recv request="INVITE"/>
${answerWith('180 Ringing')}
<pause milliseconds="300"/>
${answerWith('603 Decline')}
<recv request="ACK"/>
</scenario>
`;

function watchAs(options: { user: string; password: string; server: string; watched: string; mark: string }): string {
  const { user, password, server, watched, mark } = options;
  const subscribe = (cseq: number, authentication: string) => `<send retrans="500"><![CDATA[
SUBSCRIBE sip:${watched}@${server} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:${user}@${server}>;tag=[pid]w[call_number]
To: <sip:${watched}@${server}>
Call-ID: [call_id]
CSeq: ${cseq} SUBSCRIBE
Contact: <sip:${user}@[local_ip]:[local_port]>
${authentication}Event: dialog
Accept: application/dialog-info+xml
Expires: 300
Max-Forwards: 70
Content-Length: 0

]]></send>`;
  // Every NOTIFY is answered; the one that shows what is waited for leads on. A few that show something else may come first.
  const seen = (step: number, regexp: string, action = '') => `<label id="${step}"/>
${`<recv request="NOTIFY"><action>
<ereg regexp="${regexp}" search_in="body" assign_to="seen${step}"/>
${action}</action></recv>
<send next="${step + 1}" test="seen${step}"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
`.repeat(4)}`;
  const free = '&gt;&lt;/dialog-info&gt;';
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="watch a lamp">
${subscribe(1, '')}
<recv response="401" auth="true"/>
${subscribe(2, `[authentication username=${user} password=${password}]\n`)}
<recv response="200"/>
${seen(1, free, `<exec command="touch ${mark}"/>`)}
${seen(2, '&lt;state&gt;early&lt;/state&gt;')}
${seen(3, '&lt;state&gt;confirmed&lt;/state&gt;')}
${seen(4, free)}
<label id="5"/>
</scenario>
`;
}
