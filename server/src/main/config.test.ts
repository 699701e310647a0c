import assert from 'node:assert/strict';
import { mkdtemp, writeFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readConfig } from './config.ts';

async function file(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-config-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'site.yaml'), text);
  return join(folder, 'site.yaml');
}

test('with nothing said it is the demo site, on loopback, with simulators', () => {
  const config = readConfig([], {});
  assert.equal(config.isDemo, true);
  assert.equal(config.simulators, true);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.httpPort, 8080);
  assert.deepEqual(config.rtpPorts, [20_000, 29_999]);
});

test('the environment wins over the file, the file over the defaults; paths are from the file', async (t) => {
  const path = await file(t, 'site: ./dam\nhttpPort: 9000\nsipPort: 5070\n');
  const config = readConfig(['--config', path], { TOCSIN_HTTP_PORT: '0', TOCSIN_RTP_PORTS: '30000-30999' });
  assert.equal(config.httpPort, 0);
  assert.equal(config.sipPort, 5070);
  assert.deepEqual(config.rtpPorts, [30_000, 30_999]);
  assert.equal(config.isDemo, false);
  assert.equal(config.simulators, false);
  assert.equal(config.siteFolder, join(path, '../dam'));
});

test('each mistake is told by its setting', async (t) => {
  const wrong = (environment: Record<string, string>) => () => readConfig([], environment);
  assert.throws(wrong({ TOCSIN_HTTP_PORT: 'eighty' }), { code: 'CONFIG_INVALID', message: /httpPort/ });
  assert.throws(wrong({ TOCSIN_RTP_PORTS: '3000-2000' }), { code: 'CONFIG_INVALID', message: /rtpPorts/ });
  assert.throws(wrong({ TOCSIN_ADMIN_PASSWORD: 'short' }), { code: 'CONFIG_INVALID', message: /8 characters/ });
  assert.throws(wrong({ TOCSIN_SIMULATORS: 'yes' }), { code: 'CONFIG_INVALID', message: /TOCSIN_SIMULATORS/ });
  assert.throws(() => readConfig(['--config'], {}), { code: 'CONFIG_INVALID' });
  assert.throws(() => readConfig(['--config', '/nowhere/site.yaml'], {}), {
    code: 'CONFIG_INVALID',
    message: /cannot read/,
  });
  const typo = await file(t, 'htttpPort: 80\n');
  assert.throws(() => readConfig(['--config', typo], {}), { code: 'CONFIG_INVALID', message: /htttpPort/ });
  const broken = await file(t, 'a: [1\n');
  assert.throws(() => readConfig(['--config', broken], {}), { code: 'CONFIG_INVALID' });
});
