import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { seededChance } from '#kernel/chance.ts';
import { silentLog } from '#kernel/log.ts';
import { ANSWER, OFFER, passwordIs, town } from './test-town.ts';

const FOLDER = new URL('../message/torture/', import.meta.url);

test('mutated messages, in calls and out, break nothing', async (t) => {
  const { network, clock, wind, agent } = town(t);
  const failures: unknown[] = [];
  const log = { ...silentLog, error: (message: string, data?: object) => failures.push(message, data) };
  const server = await agent('server', { log });
  const guarded = await agent('guarded', { log, credentials: passwordIs('x') });
  const phone = await agent('phone', { log });
  server.on('invite', (call) => {
    call.ring();
    call.answer(ANSWER).then(
      (dialog) => {
        dialog.on('reoffer', ({ answer }) => answer(ANSWER));
        dialog.on('refer', ({ accept }) => accept().notify(200, 'OK'));
      },
      () => {},
    );
  });
  // Real calls give the messages to spoil: every one sent, both ways, and the torture besides.
  for (let i = 0; i < 3; i += 1) {
    const call = phone.invite({ target: 'sip:200@server', from: { user: '100' }, offer: OFFER });
    await wind(10);
    const outcome = await call.outcome;
    assert.ok(outcome.kind === 'answered');
    const busy = [outcome.dialog.reinvite(OFFER), outcome.dialog.refer('sip:x@y'), outcome.dialog.info('a/b', 'c')];
    await wind(10);
    await Promise.all(busy);
    phone.register({ registrar: 'sip:guarded', user: '1001', password: 'x', expiresS: 60 });
    await wind(10);
    if (i === 2) void outcome.dialog.bye();
    await wind(10);
  }
  const seeds = network.sent.map(({ text }) => Buffer.from(text));
  for (const file of readdirSync(FOLDER)) seeds.push(readFileSync(new URL(file, FOLDER)));

  const chance = seededChance('fuzz');
  const stranger = network.open('stranger');
  const flows = ['server', 'guarded', 'phone'].map((host) => stranger.flowTo({ transport: 'udp', host, port: 5060 }));
  const endAt = Date.now() + 2000;
  let rounds = 0;
  for (; rounds < 5000 && Date.now() < endAt; rounds += 1) {
    const random = chance.bytes(16);
    const bytes = Buffer.from(seeds[((random[0]! << 8) | random[1]!) % seeds.length]!);
    // One to four spoilt places: a message with many is refused at the door and tries nothing behind it.
    for (let i = 0; i <= random[2]! % 4; i += 1) {
      const at = ((random[3 + 3 * i]! << 8) | random[4 + 3 * i]!) % bytes.length;
      bytes[at] = random[5 + 3 * i]!;
    }
    flows[rounds % 3]!.send(bytes);
    clock.advance(5);
    await setImmediate();
    network.sent.length = 0;
  }
  assert.deepEqual(failures, []);
  assert.ok(rounds > 50, `only ${rounds} rounds`);
  const pings = ['server', 'guarded', 'phone'].map((host) => server.ping(`sip:${host}`, 1000));
  await wind(50);
  for (const ping of pings) assert.equal((await ping).kind, 'answered');
  assert.ok(guarded.snapshot() && phone.snapshot());
});
