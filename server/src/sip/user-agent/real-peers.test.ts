import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { testCertificates } from '../transport/test-certificates.ts';
import { ANSWER, OFFER, passwordIs } from './test-town.ts';
import { isInstalled } from './is-installed.ts';
import { openUserAgent } from './user-agent.ts';

const run = promisify(execFile);

/** A user agent that answers every call, and counts those that the caller ended. */
async function answering(t: TestContext) {
  const agent = await openUserAgent({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
    credentials: passwordIs('secret'),
    tls: testCertificates && { ...testCertificates, port: 0 },
  });
  t.after(() => agent[Symbol.asyncDispose]());
  const calls = { ended: 0 };
  agent.on('invite', (call) => {
    call.ring();
    void call.answer(ANSWER).then((dialog) => dialog.on('ended', ({ by }) => (calls.ended += by === 'remote' ? 1 : 0)));
  });
  return { agent, calls, server: `127.0.0.1:${agent.address.port}` };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

test('sipsak’s ping is answered', { skip: !isInstalled('sipsak') }, async (t) => {
  const { server } = await answering(t);
  const { stdout } = await run('sipsak', ['-s', `sip:ping@${server}`, '-v'], { timeout: 20_000 });
  assert.match(stdout, /SIP\/2\.0 200 OK/);
});

for (const [transport, flag] of [
  ['UDP', 'u1'],
  ['TCP', 't1'],
])
  test(`SIPp registers and calls with digest over ${transport}`, { skip: !isInstalled('sipp') }, async (t) => {
    const { agent, calls, server } = await answering(t);
    const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const scenario = fileURLToPath(new URL('./peers/registers-and-calls.xml', import.meta.url));
    const common = [
      '-i',
      '127.0.0.1',
      '-p',
      String(await freePort()),
      '-m',
      '3',
      '-l',
      '1',
      '-nostdin',
      '-timeout',
      '30',
    ];
    // Its exit code is 0 only when every call went by the scenario; it draws on the terminal, which nobody wants to see.
    await run('sipp', [server, '-sf', scenario, '-t', flag!, ...common], { cwd: folder, timeout: 40_000 });
    assert.equal(agent.registrar.lookup('1001').length, 1);
    assert.equal(calls.ended, 3);
  });

const canTls = testCertificates !== undefined && isInstalled('baresip');

test(
  'baresip registers over TLS, checks our certificate, and is called over its own connection',
  { skip: !canTls },
  async (t) => {
    const { agent } = await answering(t);
    const folder = mkdtempSync(join(tmpdir(), 'baresip-'));
    const { ca, cert, key } = testCertificates!;
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write('ca.pem', ca);
    write('both.pem', cert + key);
    write('contacts', '');
    const aor = `<sip:1001@127.0.0.1:${agent.tlsAddress!.port};transport=tls>`;
    write('accounts', `${aor};auth_user=1001;auth_pass=secret;answermode=auto;regint=300;audio_codecs=pcma/8000/1\n`);
    const lines = [
      `sip_listen 127.0.0.1:${await freePort()}`,
      `sip_cafile ${join(folder, 'ca.pem')}`,
      `sip_certificate ${join(folder, 'both.pem')}`,
      'audio_source aubridge,said',
      'audio_player aubridge,heard',
      'net_interface 127.0.0.1',
      'module_path /usr/lib/baresip/modules',
      'module g711.so',
      'module aubridge.so',
      'module_tmp uuid.so',
      'module_tmp account.so',
      'module_app menu.so',
      'menu_bell no',
      'ringback_disabled yes',
    ];
    write('config', `${lines.join('\n')}\n`);
    const registered = new Promise<void>((resolve) => agent.on('bindings-changed', () => resolve()));
    const phone = spawn('baresip', ['-4', '-f', folder], { stdio: 'ignore' });
    t.after(async () => {
      // Asked to end, it would wait for a registrar that is gone.
      phone.kill('SIGKILL');
      await once(phone, 'exit');
      rmSync(folder, { recursive: true });
    });
    await registered;
    const [binding] = agent.registrar.lookup('1001');
    assert.equal(binding?.source.transport, 'tls');
    const offer = OFFER.replaceAll('10.0.0.1', '127.0.0.1');
    const outcome = await agent.invite({ target: binding, from: { user: '100' }, offer }).outcome;
    assert.ok(outcome.kind === 'answered', JSON.stringify(outcome));
    await outcome.dialog.bye();
  },
);
