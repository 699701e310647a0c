/**
 * What calls cost in the SIP stack: INVITE, 100, 180, 200, ACK, BYE, 200 over UDP, answered by a user agent. Prints one JSON line.
 *
 *   node bench/calls.bench.ts [calls a run] [a second]
 */
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openUserAgent } from '@tocsin/server/sip';
import { cpuOf, MACHINE, median, runSipp, serve, startServer } from './sip-load.ts';

const RUNS = 3;
const ANSWER =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n';

if (process.argv[2] === 'server') await runServer();
else await runBench();

async function runServer() {
  const common = { host: '127.0.0.1', port: 0, clock: systemClock, chance: systemChance, log: silentLog };
  const agent = await openUserAgent(common);
  agent.on('invite', (call) => {
    call.ring();
    void call.answer(ANSWER);
  });
  serve(agent.address.port);
}

async function runBench() {
  const calls = Number(process.argv[2] ?? 2000);
  const perSecond = Number(process.argv[3] ?? 400);
  const { child, port } = await startServer(import.meta.filename);
  const load = { scenario: 'uac', perSecond, port };
  await runSipp({ ...load, calls: 500 }); // Until code is compiled.
  const costs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const before = await cpuOf(child);
    await runSipp({ ...load, calls });
    costs.push(((await cpuOf(child)) - before) / (calls / 1000));
  }
  child.disconnect();
  console.log(
    JSON.stringify({
      bench: 'calls',
      machine: MACHINE,
      method: `${RUNS} runs of ${calls} at ${perSecond}/s over UDP, INVITE 100 180 200 ACK BYE 200; medians`,
      cpuSecondsPer1000: { tocsin: median(costs) },
      runs: { tocsin: costs },
    }),
  );
}
