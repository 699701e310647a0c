import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

import { systemChance } from '#kernel/chance.ts';
import { ManualClock, systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { type DigestSecret, digestSecret } from '../auth/digest.ts';
import { isInstalled } from './is-installed.ts';
import { handPhone, town } from './test-town.ts';
import { Trespassers } from './trespassers.ts';
import { openUserAgent } from './user-agent.ts';

/** 1001 and 1002 are there, nobody else. */
const accounts = async (user: string): Promise<DigestSecret | undefined> =>
  user === '1001' || user === '1002' ? digestSecret(user, 'tocsin', 'Qx7-long-enough') : undefined;

async function scanned(t: TestContext) {
  const agent = await openUserAgent({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    credentials: accounts,
  });
  agent.on('invite', (call) => call.refuse(486));
  const folder = mkdtempSync(join(tmpdir(), 'scanner-'));
  t.after(async () => {
    await agent[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  /** Runs a scanner to its end, or for six seconds; what it has said. */
  const scan = (program: string, ...args: string[]) =>
    new Promise<string>((resolve) => {
      const all = [...args, '127.0.0.1'];
      const options = { cwd: folder, timeout: 6000, env: { ...process.env, HOME: folder } };
      const port = ['-p', String(agent.address.port)];
      execFile(program, [...port, ...all], options, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
  return { agent, scan };
}

const needs = (program: string) => ({ skip: !isInstalled(program) && `${program} is not installed` });

test(
  'svmap, svwar and svcrack learn nothing about which accounts there are, and are counted',
  needs('svwar'),
  async (t) => {
    const { agent, scan } = await scanned(t);
    const [map, cracked, crackedNobody, ...wars] = await Promise.all([
      scan('svmap'),
      scan('svcrack', '-u', '1001', '-r', '100-110'),
      scan('svcrack', '-u', '3333', '-r', '100-110'),
      ...['REGISTER', 'INVITE', 'OPTIONS'].map((method) => scan('svwar', '-m', method, '-e', '1000-1004', '--force')),
    ]);
    assert.doesNotMatch(map, /100[12]/);
    assert.doesNotMatch(cracked, /\| 1001/);
    assert.doesNotMatch(crackedNobody, /\| 3333/);
    for (const said of wars) {
      const listed = new Set([...said.matchAll(/\| (100\d) +\|/g)].map(([, user]) => user));
      assert.ok(listed.size === 0 || listed.size === 5, `all or none, but: ${said}`);
    }
    const { totals, top } = agent.security();
    assert.equal(top[0]?.source, '127.0.0.1');
    assert.ok(
      totals.wrongPasswords > 0 && totals.unknownAccounts > 0 && totals.unprovenInvites > 0,
      JSON.stringify(totals),
    );
  },
);

test('a wrong password and an account that is not there get the same answers, to the last header', async (t) => {
  const { network, wind, agent } = town(t);
  const server = await agent('server', { credentials: accounts });
  const phone = handPhone(network, 'phone');
  const told: string[] = [];
  server.on('throttled', ({ what, source }) => told.push(`${what} ${source}`));
  const ask = async (user: string) => {
    const head = (cseq: number) => `REGISTER sip:server SIP/2.0
Via: SIP/2.0/UDP phone;branch=z9hG4bK${user}${cseq}
From: <sip:${user}@server>;tag=p
To: <sip:${user}@server>
Call-ID: ${user}
CSeq: ${cseq} REGISTER
Contact: <sip:${user}@phone>`;
    const answers: string[] = [];
    phone.heard.length = 0;
    phone.send('server', `${head(1)}\n\n`);
    await wind(10);
    for (let cseq = 2; cseq < 16; cseq += 1) {
      const said = phone.heard.splice(0).map(String);
      answers.push(...said);
      const nonce = /nonce="([^"]+)"/.exec(said.join())?.[1];
      const proof = `username="${user}", realm="tocsin", nonce="${nonce}", uri="sip:server", response="${'0'.repeat(32)}"`;
      phone.send('server', `${head(cseq)}\nAuthorization: Digest ${proof}\n\n`);
      await wind(10);
    }
    return answers
      .join('')
      .replaceAll(user, 'USER')
      .replace(/nonce="[^"]+"/g, '');
  };
  assert.equal(await ask('1001'), await ask('1009'));
  const { totals, top } = server.security();
  assert.deepEqual(told, ['wrong-password phone'], 'told once, though two accounts were guessed at');
  assert.equal(top[0]?.throttled?.why, 'wrong-password');
  assert.equal(server.releaseSource('phone'), true);
  assert.equal(server.releaseSource('phone'), false, 'it is heard already');
  assert.deepEqual(totals, {
    ...{ scans: 0, unknownAccounts: 10, wrongPasswords: 10, unprovenInvites: 0, barredCalls: 0 },
    ...{ garbage: 0, unheard: 8 },
  });
});

test('the worst trespasser stands first; an honest call leaves no trace', () => {
  const trespassers = new Trespassers(new ManualClock());
  trespassers.count('a', 'garbage');
  for (let i = 0; i < 3; i += 1) trespassers.count('b', 'wrongPasswords');
  trespassers.count('c', 'unprovenInvites');
  trespassers.proved('c');
  const { top, sources, totals } = trespassers.snapshot();
  assert.deepEqual([sources, top.map(({ source }) => source)], [2, ['b', 'a']]);
  assert.deepEqual(totals, {
    ...{ scans: 0, unknownAccounts: 0, wrongPasswords: 3, unprovenInvites: 0, barredCalls: 0 },
    ...{ garbage: 1, unheard: 0 },
  });
  for (let i = 0; i < 6000; i += 1) trespassers.count(`s${i}`, 'garbage');
  assert.ok(trespassers.snapshot().sources <= 5001);
  assert.equal(trespassers.snapshot().top[0]?.source, 'others');
});

test('a flood of calls without credentials gets no answers any more, until its window is over or it is released', async (t) => {
  const { network, wind, agent } = town(t);
  const server = await agent('server', { credentials: accounts });
  const told: string[] = [];
  server.on('throttled', ({ what, source }) => told.push(`${what} ${source}`));
  const phone = handPhone(network, 'phone');
  const call = (number: number) =>
    phone.send(
      'server',
      `INVITE sip:1001@server SIP/2.0
Via: SIP/2.0/UDP phone;branch=z9hG4bKf${number}
From: <sip:x@phone>;tag=f${number}
To: <sip:1001@server>
Call-ID: flood-${number}
CSeq: 1 INVITE

`,
    );
  for (let i = 0; i <= 2000; i += 1) call(i);
  await wind(10);
  for (let i = 2001; i <= 2010; i += 1) call(i);
  await wind(10);
  assert.deepEqual(told, ['flood phone']);
  const [row] = server.security().top;
  assert.equal(row?.throttled?.why, 'flood');
  assert.equal(row?.unheard, 10);
  phone.heard.length = 0;
  call(3000);
  await wind(10);
  assert.equal(phone.heard.filter((each) => String(each).includes('flood-3000')).length, 0);
  assert.equal(server.releaseSource('phone'), true);
  assert.equal(server.security().top[0]?.throttled, undefined);
  call(3001);
  await wind(10);
  assert.equal(phone.heard.filter((each) => String(each).includes('flood-3001')).length, 1);
});
