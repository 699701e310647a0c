/**
 * What calls cost in the SIP stack, over UDP. Answered: INVITE, 100, 180, 200, ACK, BYE, 200 at a user agent. Led through: the
 * same from one SIPp to another, with the stack between them as a back-to-back user agent that hands the SDP on, and in turn
 * with it Asterisk doing that, where a root with Asterisk is named (see docs/performance.md). Prints one JSON line.
 *
 *   ASTERISK_ROOT=/path/to/root node bench/calls.bench.ts [calls a run] [a second]
 */
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { type IncomingInvite, type UserAgent, openUserAgent } from '@tocsin/server/sip';
import { startAsterisk } from './asterisk.ts';
import { cpuOf, cpuOfTree, MACHINE, median, runSipp, serve, startAnswerer, startServer } from './sip-load.ts';

const RUNS = 3;
const ANSWERER_PORT = 15_980;
const ANSWER =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n';

if (process.argv[2] === 'server') await runServer(answerAtOnce);
else if (process.argv[2] === 'between') await runServer(leadOn);
else await runBench();

async function runServer(take: (call: IncomingInvite, agent: UserAgent) => void) {
  const common = { host: '127.0.0.1', port: 0, clock: systemClock, chance: systemChance, log: silentLog };
  const agent = await openUserAgent(common);
  agent.on('invite', (call) => take(call, agent));
  serve(agent.address.port);
}

function answerAtOnce(call: IncomingInvite) {
  call.ring();
  void call.answer(ANSWER);
}

function leadOn(call: IncomingInvite, agent: UserAgent) {
  const outgoing = agent.invite({
    target: `sip:service@127.0.0.1:${ANSWERER_PORT}`,
    from: { user: call.from.user },
    offer: call.offer ?? '',
    maxForwards: call.maxForwards,
  });
  outgoing.on('provisional', ({ status }) => status > 100 && call.ring());
  void outgoing.outcome.then(async (outcome) => {
    if (outcome.kind !== 'answered') return call.refuse(outcome.kind === 'refused' ? outcome.status : 480);
    const dialog = await call.answer(outcome.answer);
    dialog.on('ended', () => void outcome.dialog.bye());
    outcome.dialog.on('ended', () => void dialog.bye());
  });
}

async function runBench() {
  const calls = Number(process.argv[2] ?? 2000);
  const perSecond = Number(process.argv[3] ?? 400);
  const answering = await startServer(import.meta.filename);
  const between = await startServer(import.meta.filename, 'between');
  const answerer = await startAnswerer(ANSWERER_PORT);
  const asterisk = await startAsterisk(process.env['ASTERISK_ROOT'], ANSWERER_PORT);
  const load = { scenario: 'uac', perSecond };
  // A switch between two ends carries fewer: the slowest of the compared must keep up.
  const through = { ...load, perSecond: Math.min(perSecond, 25), calls: Math.min(calls, 250) };
  // Until code is compiled.
  await runSipp({ ...load, port: answering.port, calls: 500 });
  await runSipp({ ...through, port: between.port });
  if (asterisk) await runSipp({ ...through, port: asterisk.port, calls: 50 });

  const costs: Record<'answered' | 'ledThrough' | 'asterisk', number[]> = {
    answered: [],
    ledThrough: [],
    asterisk: [],
  };
  for (let run = 0; run < RUNS; run += 1) {
    costs.answered.push(await cost(() => cpuOf(answering.child), { ...load, port: answering.port, calls }));
    costs.ledThrough.push(await cost(() => cpuOf(between.child), { ...through, port: between.port }));
    if (asterisk)
      costs.asterisk.push(await cost(async () => cpuOfTree(asterisk.pid), { ...through, port: asterisk.port }));
  }
  answering.child.disconnect();
  between.child.disconnect();
  answerer.kill();
  await asterisk?.stop();
  const medianOf = (values: number[]) => (values.length > 0 ? median(values) : undefined);
  console.log(
    JSON.stringify({
      bench: 'calls',
      machine: MACHINE,
      method: `${RUNS} runs in turn over UDP, INVITE 100 180 200 ACK BYE 200: ${calls} answered at ${perSecond}/s, ${through.calls} led through at ${through.perSecond}/s, without media; medians`,
      cpuSecondsPer1000: {
        answered: median(costs.answered),
        ledThrough: median(costs.ledThrough),
        asteriskLedThrough: medianOf(costs.asterisk),
      },
      runs: costs,
    }),
  );
}

/** CPU seconds that 1000 calls of this load cost the server. */
async function cost(cpu: () => Promise<number>, load: Parameters<typeof runSipp>[0]): Promise<number> {
  const before = await cpu();
  await runSipp(load);
  return ((await cpu()) - before) / (load.calls / 1000);
}
