/**
 * What registrations cost: REGISTER, 401, REGISTER with digest, 200, of 1000 phones over UDP, and the same of Kamailio in
 * turn with it when that is installed. Prints one JSON line.
 *
 *   node bench/registrations.bench.ts [registrations a run] [a second]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { digestSecret, openUserAgent } from '@tocsin/server/sip';
import { cpuOf, cpuOfTree, isInstalled, MACHINE, median, runSipp, serve, startServer } from './sip-load.ts';

const USERS = Array.from({ length: 1000 }, (_, i) => `${5000 + i}`);
const RUNS = 3;
const KAMAILIO_PORT = 15_960;

const register = (cseq: number) => `<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]r[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: reg///[call_id]
CSeq: ${cseq} REGISTER
${cseq === 2 ? '[field1]\n' : ''}Contact: <sip:[field0]@[local_ip]:[local_port]>;expires=60
Max-Forwards: 70
Content-Length: 0

]]></send>`;
const SCENARIO = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="registers">
${register(1)}<recv response="401" auth="true"/>
${register(2)}<recv response="200"/>
</scenario>`;

const KAMAILIO_CONFIG = `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
listen=udp:127.0.0.1:${KAMAILIO_PORT}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc","db_mode",0)
request_route {
  if (!is_method("REGISTER")) exit;
  if (!pv_auth_check("$td","secret","0","1")) { auth_challenge("$td","1"); exit; }
  save("location");
}
`.replace('!is_method("REGISTER")', '$rm != "REGISTER"');

if (process.argv[2] === 'server') await runServer();
else await runBench();

async function runServer() {
  const secrets = new Map(USERS.map((user) => [user, digestSecret(user, 'tocsin', 'secret')]));
  const common = { host: '127.0.0.1', port: 0, clock: systemClock, chance: systemChance, log: silentLog };
  const agent = await openUserAgent({ ...common, credentials: async (user) => secrets.get(user) });
  serve(agent.address.port);
}

async function runBench() {
  const calls = Number(process.argv[2] ?? 4000);
  const perSecond = Number(process.argv[3] ?? 800);
  const lines = USERS.map((user) => `${user};[authentication username=${user} password=secret]`);
  const data = `SEQUENTIAL\n${lines.join('\n')}\n`;
  const load = { scenario: SCENARIO, calls, perSecond, data };
  const { child, port } = await startServer(import.meta.filename);
  const kamailio = isInstalled('kamailio') ? await startKamailio() : undefined;
  const ours: number[] = [];
  const theirs: number[] = [];
  // Until code is compiled: a switch runs for months.
  await runSipp({ ...load, port, calls: 3 * calls, perSecond: 2 * perSecond });
  for (let run = 0; run < RUNS; run += 1) {
    const before = await cpuOf(child);
    await runSipp({ ...load, port });
    ours.push(((await cpuOf(child)) - before) / (calls / 1000));
    if (!kamailio) continue;
    const theirsBefore = cpuOfTree(kamailio.pid);
    await runSipp({ ...load, port: KAMAILIO_PORT });
    theirs.push((cpuOfTree(kamailio.pid) - theirsBefore) / (calls / 1000));
  }
  child.disconnect();
  await kamailio?.stop();
  console.log(
    JSON.stringify({
      bench: 'registrations',
      machine: MACHINE,
      method: `${RUNS} runs of ${calls} at ${perSecond}/s over UDP in turn, REGISTER 401 REGISTER 200, no store; medians`,
      cpuSecondsPer1000: { tocsin: median(ours), kamailio: theirs.length > 0 ? median(theirs) : undefined },
      runs: { tocsin: ours, kamailio: theirs },
    }),
  );
}

async function startKamailio() {
  const folder = mkdtempSync(join(tmpdir(), 'kamailio-'));
  writeFileSync(join(folder, 'kamailio.cfg'), KAMAILIO_CONFIG);
  const args = ['-DD', '-E', '-m', '64', '-M', '8', '-f', 'kamailio.cfg', '-P', join(folder, 'pid'), '-Y', folder];
  const child = spawn('kamailio', args, { cwd: folder, stdio: 'ignore' });
  // Also when the bench fails in between.
  process.on('exit', () => child.kill());
  await sleep(2000);
  return {
    pid: child.pid!,
    async stop() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}
