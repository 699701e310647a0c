/**
 * Short messages through the gateway: how many a second, each with its receipt in the ledger; and 10,000 to a centre that throttles,
 * disconnects and loses receipts, each of which must end in exactly one state. Prints one JSON line.
 *
 *   node bench/texts.bench.ts [texts]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayEvent } from '@tocsin/protocol/gateway.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { sleep, systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openTestBroker, until } from '../gateways/kit/test-broker.ts';
import { startSmsGateway } from '../gateways/sms/sms-gateway.ts';
import { openSmscSimulator, type SmscBehaviour } from '../gateways/sms/smsc-simulator.ts';

const TEXTS = Number(process.argv[2] ?? 10_000);
const RUNS = 3;
/** Handed to the gateway and not yet answered, as the server does it. */
const IN_FLIGHT = 500;
const common = { clock: systemClock, chance: systemChance, log: silentLog };
const FINAL = ['text-delivered', 'text-receipt-lost', 'text-failed'] as const;

const smooth = [];
for (let run = 0; run < RUNS; run += 1) smooth.push(await send({ receiptAfterMs: 50 }, async () => {}));
const rough = await send(
  { receiptAfterMs: 50, throttleAbovePerS: 800, loseReceipts: 0.05, duplicateReceipts: true },
  async (smsc, isOver) => {
    // Half of the lost receipts can be asked for, and every two seconds the line breaks.
    for (let turn = 0; !isOver(); turn += 1) {
      smsc.behave({ query: turn % 2 === 0 ? 'knows' : 'refuses' });
      await sleep(systemClock, 2000);
      if (turn < 6) smsc.cut();
    }
  },
);

const rates = smooth.map(({ perSecond }) => perSecond).sort((a, b) => a - b);
console.log(
  JSON.stringify({
    bench: 'texts',
    machine: `${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`,
    method: `${TEXTS} texts by MQTT, gateway, SMPP 3.4 over loopback, gateway and centre in one process; each on the disk before it leaves; counted until its receipt is in the gateway's ledger and at the server's ear; ${RUNS} runs, median`,
    submitsPerSecondWithReceipt: rates[RUNS >> 1],
    runs: smooth.map(({ perSecond, states }) => ({ perSecond, states })),
    rough: {
      faults:
        'ESME_RTHROTTLED above 800/s, six cuts, 5 % of receipts lost, the others twice; query_sm answered half of the time',
      ...rough,
    },
  }),
);
const isWhole = [...smooth, rough].every(({ states }) => Object.values(states).reduce((a, b) => a + b, 0) === TEXTS);
if (!isWhole || rough.inMoreThanOneState > 0 || rough.acceptedTwice > 0) process.exitCode = 1;
process.exit();

async function send(
  behaviour: Partial<SmscBehaviour>,
  trouble: (smsc: Awaited<ReturnType<typeof openSmscSimulator>>, isOver: () => boolean) => Promise<void>,
) {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-bench-texts-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const broker = opened.use(await openTestBroker());
  const smsc = opened.use(await openSmscSimulator({ ...common, behaviour }));
  const provider = { id: 'one', host: smsc.host, port: smsc.port, systemId: 'tocsin', password: 'secret' };
  const gateway = opened.use(
    await startSmsGateway({
      ...common,
      id: 'sms',
      site: broker.site,
      mqttUrl: broker.url,
      journalFolder: folder,
      providers: [{ ...provider, sourceAddress: '10690001', window: 100 }],
      receiptWithinMs: 4000,
    }),
  );
  await until(() => gateway.snapshot().providers[0]!.isUp && broker.heard.online.some(({ body }) => body.online), 'up');

  const ended = () => new Set(broker.heard.events.filter(isFinal).map(commandOf)).size;
  let isOver = false;
  const makingTrouble = trouble(smsc, () => isOver);
  const startMs = systemClock.monotonic();
  for (let n = 0; n < TEXTS; n += 1) {
    while (n - broker.heard.results.length >= IN_FLIGHT) await sleep(systemClock, 2);
    const to = `138${String(n).padStart(8, '0')}`;
    void broker.command('sms', { kind: 'send-text', command: `c-${n}`, to, text: `水位已到警戒，编号 ${n}` });
  }
  await until(() => ended() === TEXTS, 'every text has ended', 300_000);
  const seconds = (systemClock.monotonic() - startMs) / 1000;
  isOver = true;
  await makingTrouble;
  // A text of unknown outcome may still be told as delivered by a late receipt: that is its last word.
  await sleep(systemClock, 1500);

  const last = new Map<string, string[]>();
  for (const event of broker.heard.events.filter(isFinal))
    last.set(commandOf(event), [...(last.get(commandOf(event)) ?? []), event.kind]);
  const states: Record<string, number> = {};
  for (const kinds of last.values()) states[kinds.at(-1)!] = (states[kinds.at(-1)!] ?? 0) + 1;
  const accepted = smsc.submits.filter(({ outcome }) => outcome === 'accepted').map(({ to }) => to);
  const ledger = ledgerStates(join(folder, 'sms.texts.jsonl'));
  const isSame = [...last].every(([command, kinds]) => kinds.at(-1) === `text-${ledger.get(command)}`);
  const { throttled, receiptsLost, binds, queries } = smsc.counts();
  return {
    seconds: Math.round(seconds * 10) / 10,
    perSecond: Math.round(TEXTS / seconds),
    states,
    ledgerAgrees: isSame,
    /** The same end told twice; the words of a late receipt after "unknown" are a change, not a second state. */
    inMoreThanOneState: [...last.values()].filter((kinds) => new Set(kinds).size !== kinds.length).length,
    acceptedTwice: accepted.length - new Set(accepted).size,
    centre: { throttled, receiptsLost, binds, queries },
  };
}

function isFinal(event: GatewayEvent): boolean {
  return FINAL.includes(event.kind as 'text-failed') && !(event.kind === 'text-failed' && !event.isFinal);
}

function commandOf(event: GatewayEvent): string {
  return 'command' in event ? event.command : '';
}

/** The last state of each text in the gateway's own journal. */
function ledgerStates(file: string): Map<string, string> {
  const states = new Map<string, string>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const record = JSON.parse(line) as {
      put?: { command: string; state: string };
      set?: string;
      to?: { state?: string };
    };
    if (record.put) states.set(record.put.command, record.put.state);
    else if (record.set && record.to?.state) states.set(record.set, record.to.state);
  }
  return states;
}
