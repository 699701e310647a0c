import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { openIsmgSimulator } from '../gateways/sms/cmpp-simulator.ts';
import { openSmscSimulator } from '../gateways/sms/smsc-simulator.ts';
import { Console } from './kit/console.ts';
import { smsGateway } from './kit/gateways.ts';
import { siteFolder } from './kit/own-site.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

const CITIZEN = '13811112222';
const common = { clock: systemClock, chance: systemChance };

test('texts go both ways: an answer reaches who asked, a cry for help reaches any seat', async (t) => {
  const smsc = await openSmscSimulator({ ...common, behaviour: { receiptAfterMs: 50 } });
  t.after(() => smsc[Symbol.asyncDispose]());
  const login = { systemId: '901234', password: 'shared-secret' };
  const ismg = await openIsmgSimulator({ ...common, ...login, version: '2.0' });
  t.after(() => ismg[Symbol.asyncDispose]());
  const gateway = smsGateway(smsc.port, 10);
  const cmpp = { id: 'cmcc', protocol: 'cmpp' as const, host: '127.0.0.1', port: ismg.port, ...login };
  const providers = [...gateway.providers, { ...cmpp, sourceAddress: '10690002' }];
  const site = await siteFolder(t, () => {}, [{ ...gateway, providers }]);
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const asker = await Console.open(t, tocsin, 'dispatcher');
  const other = await Console.open(t, tocsin, 'lead');
  const onDesk = (desk: Console, number: string) =>
    desk.all('threads').find(({ id }) => id === number.replace(/^\+?86/, ''));

  await t.test('an answer to a text is routed to the seat that asked, and its reply reaches the phone', async () => {
    const asked = await asker.command({
      do: 'text.send',
      targets: [{ person: 'he-jianjun' }],
      template: 'report',
      text: '{姓名}：请回复所在位置，共 {人数} 人？{发送人}',
      values: { 人数: '几' },
    });
    assert.ok(asked.ok, JSON.stringify(asked));
    const out = await until('the question is sent', () => smsc.submits.find(({ text }) => text.includes('请回复')));
    assert.match(out.text, /^何建军：请回复所在位置，共 几 人？.+/);

    // The network writes the number in its own form, and the answer comes by the other provider.
    ismg.sendText({ from: `86${out.to}`, to: '10690002', text: '在石桥小学，43 人，缺水。' });
    const thread = await until('the answer is on the desk', () => onDesk(asker, out.to));
    assert.equal(thread.person, 'he-jianjun');
    assert.equal(thread.state, 'waiting');
    assert.equal(thread.owner, asker.hello!.me.user);
    assert.deepEqual(
      thread.texts.map(({ isInbound }) => isInbound),
      [false, true],
    );
    assert.ok(onDesk(other, out.to), 'the other seat sees it too');

    const reply = await asker.command({ do: 'thread.reply', thread: thread.id, text: '水 20 分钟后到。' });
    assert.ok(reply.ok);
    const back = await until('the reply is sent', () => smsc.submits.find(({ text }) => text === '水 20 分钟后到。'));
    assert.equal(back.to.replace(/^86/, ''), out.to);
    await until('the desk sees it delivered', () => {
      const now = onDesk(asker, out.to);
      return now?.state === 'answered' && now.texts.at(-1)?.state === 'delivered';
    });
    const [routed] = await tocsin.timeline({ kind: 'text.routed' });
    assert.equal(routed?.data['to'], asker.hello!.me.user);
  });

  await t.test('a citizen whom nobody asked waits in the queue until a seat takes him', async () => {
    const cry = '坝下村三组进水了，有两个老人走不动，快来。'.repeat(5);
    smsc.sendText({ from: CITIZEN, to: '10690001', text: cry });
    const thread = await until('the text is on the desk', () => onDesk(other, CITIZEN));
    assert.equal(thread.owner, undefined);
    assert.equal(thread.texts[0]!.text, cry);
    assert.ok((await other.command({ do: 'thread.take', thread: CITIZEN })).ok);
    await until('everybody sees who has it', () => onDesk(asker, CITIZEN)?.owner === other.hello!.me.user);
    assert.ok((await other.command({ do: 'thread.reply', thread: CITIZEN, text: '船已出发，请上二楼。' })).ok);
    await until('the reply is sent', () =>
      smsc.submits.some(({ to, text }) => to === CITIZEN && text.includes('上二楼')),
    );
  });

  await t.test('a conversation survives a restart, and is closed and opened again', async () => {
    await tocsin.stop();
    await tocsin.begin();
    const desk = await Console.open(t, tocsin, 'lead');
    const kept = await until('it is there again', () => onDesk(desk, CITIZEN));
    assert.equal(kept.owner, desk.hello!.me.user);
    assert.equal(kept.texts.length, 2);
    assert.ok((await desk.command({ do: 'thread.close', thread: CITIZEN })).ok);
    await until('it is gone', () => onDesk(desk, CITIZEN) === undefined);
    await until('the centre is bound', () => smsc.counts().connections > 0);
    smsc.sendText({ from: CITIZEN, to: '10690001', text: '都上来了，谢谢。' });
    const again = await until('it is back', () => onDesk(desk, CITIZEN));
    // He answered the last who wrote to him.
    assert.equal(again.owner, desk.hello!.me.user);
  });

  await t.test('a word that nobody filled in is refused, and so is a seat without the right', async () => {
    const desk = await Console.open(t, tocsin, 'dispatcher');
    const empty = await desk.command({
      do: 'text.send',
      targets: [{ number: CITIZEN }],
      template: 'evacuate',
      text: '{村名}立即转移',
    });
    assert.ok(!empty.ok && empty.code === 'TEXT_WORD_MISSING');
    const observer = await Console.open(t, tocsin, 'observer');
    assert.equal(observer.all('threads').length, 0);
    const denied = await observer.command({ do: 'thread.reply', thread: CITIZEN, text: 'x' });
    assert.ok(!denied.ok && denied.code === 'RIGHT_MISSING');
  });
});
