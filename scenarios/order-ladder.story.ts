import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { answerBurst } from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderView } from '@tocsin/protocol/orders.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { startDemoPhones } from '../gateways/demo-phones.ts';
import { openOperatorSimulator } from '../gateways/satellite/sbd/operator-simulator.ts';
import { openSmscSimulator } from '../gateways/sms/smsc-simulator.ts';
import { smsGateway } from './kit/gateways.ts';
import { siteFolder, type SiteFile } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

const common = { clock: systemClock, chance: systemChance, log: silentLog };
const IMEI = '300034010123450';

/** Four people, and the rung on which each of them can be had. */
const AT_DESK = 'zhao-guodong';
const OUTSIDE = 'zhang-haiyan';
const BY_TEXT = 'ma-zhiqiang';
const BY_BURST = 'wang-jianguo';
const NUMBERS = {
  [AT_DESK]: { desk: '1005', text: '13800001005' },
  [OUTSIDE]: { desk: '1006', outside: '913800001006', text: '13800001006' },
  [BY_TEXT]: { desk: '1007', outside: '913800001007', text: '13800001007' },
  [BY_BURST]: { outside: '913800001008', text: '13800001008' },
} as const;

test('an order walks down the ladder until each has answered, and a killed server goes on with it', async (t) => {
  const { tocsin, phones, smsc, operator } = await house(t);
  const modem = operator.addModem(IMEI, { fetchesAfterMs: 50, answers: 'done' });
  const orderOf = async (code: string) =>
    (await tocsin.get<OrderView[]>('/api/orders')).find((each) => each.code === code)!;
  const rowOf = async (code: string, person: string): Promise<OrderRow> =>
    (await orderOf(code)).rows.find((row) => row.person === person)!;
  const walked = ({ history }: OrderRow) => history.map(({ state, rung }) => `${state} ${rung}`);
  const is = (code: string, person: string, state: string, rung: string) =>
    until(
      `${person} is ${state} by ${rung}`,
      async () => {
        const row = await rowOf(code, person);
        return row.state === state && row.rung === rung && row;
      },
      60_000,
    );
  const send = async (words: string, people: string[]) => {
    const targets = people.map((person) => ({ person }));
    const sent = await tocsin.command({
      do: 'order.send',
      targets,
      level: 1,
      action: 'evacuate',
      where: '石桥村',
      words,
    });
    return (sent as { code: string }).code;
  };
  const textsTo = (person: keyof typeof NUMBERS, code: string) =>
    smsc.submits.filter(({ to, text }) => to === NUMBERS[person].text && text.includes(code));

  await t.test('each is reached by the first way that he answers', async () => {
    const code = await send('向北坡', Object.keys(NUMBERS));
    const [text] = await until('the text is out', () => textsTo(BY_TEXT, code).length > 0 && textsTo(BY_TEXT, code));
    assert.ok(text!.text.length <= 70, 'one short message');
    smsc.sendText({ from: text!.to, to: text!.from, text: `收到${code.toLowerCase()}` });

    assert.deepEqual(walked(await is(code, AT_DESK, 'received', 'ip')), ['trying ip', 'received ip']);
    assert.deepEqual(walked(await is(code, OUTSIDE, 'received', 'pstn')), [
      ...['trying ip', 'failed ip'],
      ...['trying pstn', 'received pstn'],
    ]);
    assert.deepEqual(walked(await is(code, BY_TEXT, 'received', 'sms')), [
      ...['skipped ip', 'trying pstn', 'failed pstn'],
      ...['trying sms', 'received sms'],
    ]);
    assert.deepEqual(walked(await is(code, BY_BURST, 'done', 'burst')), [
      ...['skipped ip', 'trying pstn', 'failed pstn'],
      ...['trying sms', 'failed sms'],
      ...['trying burst', 'done burst'],
    ]);
    assert.equal(modem.orders.length, 1);
    assert.deepEqual([modem.orders[0]!.where, modem.orders[0]!.words], ['石桥村', '向北坡']);

    // What the ledger says stands on the timeline too, in its order.
    const told = (await tocsin.timeline({ kind: 'order.' })).filter(({ data }) => data['order'] === code);
    assert.equal(told[0]!.kind, 'order.sent');
    for (const { person, history } of (await orderOf(code)).rows)
      assert.deepEqual(
        told.filter((entry) => entry.person === person).map(({ kind, data }) => `${kind} ${String(data['rung'])}`),
        history.map(({ state, rung }) => `order.${state} ${rung}`),
      );
  });

  await t.test('killed on three rungs at once, nothing is sent twice and nothing is lost', async () => {
    phones.setManner('1005', 'absent');
    // He sees no satellite now: what is sent to him waits at the operator.
    modem.fetchesAfterMs = undefined;
    const code = await send('走村北小路', [AT_DESK, BY_TEXT, BY_BURST]);
    await until('his telephone rings', () => [...phones.calls].some(({ user }) => user === '1005'));
    const [text] = await until('the text is out', () => textsTo(BY_TEXT, code).length > 0 && textsTo(BY_TEXT, code));
    await until('the burst is at the operator', () => modem.waiting === 1, 60_000);
    await is(code, BY_BURST, 'trying', 'burst');
    const submits = smsc.submits.length;
    await tocsin.kill();

    phones.setManner('1005', 'answers');
    smsc.sendText({ from: text!.to, to: text!.from, text: code });
    await tocsin.begin();
    await is(code, BY_TEXT, 'received', 'sms');
    await is(code, AT_DESK, 'received', 'ip');
    assert.equal((await rowOf(code, BY_BURST)).state, 'trying', 'whose answer is still to come');
    const resumed = (await tocsin.timeline({ kind: 'order.resumed' })).map(({ person }) => person);
    assert.ok(resumed.includes(AT_DESK) && resumed.includes(BY_BURST), resumed.join(' '));

    const { id } = await orderOf(code);
    await until('the answer is taken', () =>
      operator.originate(IMEI, { payload: answerBurst(Number(id), 'received', Date.now()) }, 900),
    );
    await is(code, BY_BURST, 'received', 'burst');
    assert.equal(smsc.submits.length, submits, 'no text went out again');
    assert.equal(modem.waiting, 1, 'no burst went out again');

    // He says more later, by a way that was not the one he was reached by.
    smsc.sendText({ from: NUMBERS[BY_BURST].text, to: text!.from, text: `${code} 完成` });
    await is(code, BY_BURST, 'done', 'sms');
  });

  await t.test('what would not fit the narrowest form is refused, not cut', async () => {
    const targets = [{ person: BY_BURST }];
    const answer = await tocsin.request('POST', '/api/commands', {
      ...{ do: 'order.send', targets, level: 1, action: 'evacuate', where: '石桥村' },
      words: '长'.repeat(60),
    });
    assert.equal(answer.status, 413, await answer.text());
  });
});

/** The house with its gateways, and what is beyond them: telephones, the carrier, the text centre, the satellite operator. */
async function house(t: TestContext) {
  await using opened = new AsyncDisposableStack();
  const smsc = opened.use(
    await openSmscSimulator({
      ...common,
      behaviour: { receiptAfterMs: 50, words: { [NUMBERS[BY_BURST].text]: 'UNDELIV' } },
    }),
  );
  const operator = opened.use(await openOperatorSimulator({ clock: systemClock }));
  const [sipPort, mqttPort, httpPort, trunkPort, burstPort] = [
    ...[await freePort(), await freePort(), await freePort()],
    ...[await freePort(), await freePort()],
  ] as [number, number, number, number, number];
  operator.deliverTo('127.0.0.1', burstPort);
  const parts = opened.move();
  // Before the server stops: telephones that unregister want an answer.
  t.after(() => parts.disposeAsync());

  const site = await siteFolder(t, (file) => fourPeople(file, trunkPort), [
    smsGateway(smsc.port, 10),
    {
      kind: 'satellite',
      id: 'satellite-1',
      bearer: 'satellite',
      bursts: {
        listenPort: burstPort,
        operator: { host: '127.0.0.1', port: operator.port },
        modems: [{ id: BY_BURST, imei: IMEI }],
      },
    },
  ]);
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SITE: site,
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SIP_PORT: String(sipPort),
    TOCSIN_MQTT_PORT: String(mqttPort),
    TOCSIN_HTTP_PORT: String(httpPort),
  });
  const password = 'tocsin-demo';
  const phones = parts.use(
    await startDemoPhones({
      ...common,
      server: tocsin.sip,
      accounts: [
        { user: '1005', password },
        { user: '1006', password, manner: 'busy' },
      ],
      trunkPort,
      trunkManners: { '13800001007': 'busy', '13800001008': 'busy' },
      answerAfterS: [0.2, 0.4],
    }),
  );
  await until('the telephones are registered', () => phones.registered.length === 2);
  return { tocsin, phones, smsc, operator };
}

function fourPeople(site: SiteFile, trunkPort: number): void {
  for (const trunk of site.trunks ?? []) if (trunk.send) trunk.send.port = trunkPort;
  for (const [id, numbers] of Object.entries(NUMBERS)) {
    const person = site.people.find((each) => each.id === id)!;
    person.numbers = [
      ...('desk' in numbers ? [{ kind: 'desk' as const, dial: numbers.desk }] : []),
      ...('outside' in numbers ? [{ kind: 'mobile' as const, dial: numbers.outside }] : []),
    ];
    person.textNumber = numbers.text;
    person.deputies = [];
  }
}
