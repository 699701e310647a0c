import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemChance } from '#kernel/chance.ts';
import { ManualClock, systemClock, type Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { silentLog, type Log } from '#kernel/log.ts';
import type { Binding } from '#sip/registrar/binding.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#store/test-database.ts';
import { openDirectory } from './directory.ts';
import { may } from './rights.ts';

const DEMO = fileURLToPath(new URL('../../../sites/demo', import.meta.url));
const PASSWORD = 'correct horse';

async function office(
  t: TestContext,
  options: { store?: Store; clock?: Clock; siteFolder?: string; adminPassword?: string; log?: Log } = {},
) {
  const store = options.store ?? (await openTestStore(t));
  const { clock = systemClock, siteFolder = DEMO, log = silentLog } = options;
  const adminPassword = 'adminPassword' in options ? options.adminPassword : PASSWORD;
  const open = () => openDirectory({ store, clock, chance: systemChance, log, siteFolder, adminPassword });
  const directory = await open();
  t.after(() => Promise.resolve(directory[Symbol.asyncDispose]()));
  return { store, directory, open };
}

async function changedSite(t: TestContext, file: string, from: string | RegExp, to: string) {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-site-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(DEMO, folder, { recursive: true });
  const text = await readFile(join(folder, file), 'utf8');
  assert.notEqual(text.replace(from, to), text);
  await writeFile(join(folder, file), text.replace(from, to));
  return folder;
}

const from = (remoteAddress: string, username = 'admin', password = PASSWORD) => ({
  username,
  password,
  remoteAddress,
});

test('the demo site has what the desk shows', async (t) => {
  const { directory } = await office(t);
  const { site } = directory;
  assert.ok(
    directory.people().length >= 24 && site.zones.length >= 8 && site.gauges.length >= 6 && site.devices.length >= 6,
  );
  for (let user = 1001; user <= 1020; user += 1) {
    assert.equal(directory.account(String(user))?.password, 'tocsin-demo');
    assert.ok(directory.personByNumber(String(user)), `nobody sits at ${user}`);
  }
  assert.equal(directory.user('dispatcher')?.account, '1003');
  assert.equal(directory.people().filter(({ absence }) => absence).length, 2);
  assert.deepEqual(
    directory.deputiesOf('han-xue').map(({ name }) => name.zh),
    ['吴晓梅', '张海燕'],
  );
  assert.equal(directory.device('ek-0417')?.person, 'liu-guifang');
  assert.deepEqual(
    directory
      .person('liu-guifang')
      ?.care?.contacts.slice(0, 3)
      .map(({ person, relation }) => `${relation} ${directory.person(person)!.name.zh}`),
    ['儿子 陈建平', '石桥村委 赵立群', '120 调度 许静'],
  );
  for (const { id } of site.groups) assert.ok(directory.peopleOfGroup(id).length > 0);
  const zones = site.zones.map(({ reach }) =>
    reach.kind === 'sip' ? directory.account(reach.account)!.kind : reach.gateway,
  );
  assert.equal(zones.filter((reach) => reach === 'horn').length, 2);
  const map = JSON.parse(await readFile(join(directory.siteFolder, site.baseMap!), 'utf8')) as {
    features: { properties: { kind: string } }[];
  };
  const kinds = new Set(map.features.map(({ properties }) => properties.kind));
  for (const kind of ['water', 'river', 'stream', 'contour', 'road', 'building', 'place', 'dam', 'inundation'])
    assert.ok(kinds.has(kind), kind);
});

test('a number is a person’s with and without prefix and country', async (t) => {
  const { directory } = await office(t);
  for (const number of ['913800006621', '13800006621', '+8613800006621', '008613800006621', '1005'])
    assert.equal(directory.personByNumber(number)?.name.zh, '赵国栋', number);
  assert.equal(directory.personByNumber('0571-00000417')?.name.zh, '刘桂芳');
  assert.equal(directory.personByNumber('99'), undefined);
});

test('mistakes in the files are told with file and line, all at once', async (t) => {
  const folder = await changedSite(t, 'people.yaml', 'deputies: [zhou-ming]', 'deputies: [nobody]');
  const store = await openTestStore(t);
  await assert.rejects(office(t, { store, siteFolder: folder }), (error: DispatchError) => {
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.match(error.message, /people\.yaml:\d+: people\.1\.deputies\.0: there is no person "nobody"/);
    return true;
  });
  const shape = await changedSite(t, 'places.yaml', 'horns: 6', 'horns: many');
  await assert.rejects(office(t, { store, siteFolder: shape }), /places\.yaml:\d+: zones\.0\.horns: /);
  const ring = await changedSite(t, 'site.yaml', /(id: lanxi-county, name: \{[^}]*\})/, '$1, parent: hekou');
  await assert.rejects(
    office(t, { store, siteFolder: ring }),
    /site\.yaml:\d+: organisations\.0\.parent: "lanxi-county" lies below itself/,
  );
  const syntax = await changedSite(t, 'accounts.yaml', 'accounts:', 'accounts: [');
  await assert.rejects(office(t, { store, siteFolder: syntax }), /accounts\.yaml:\d+: /);
});

test('what routing refers to must be there; its mistakes have lines too', async (t) => {
  const store = await openTestStore(t);
  for (const [from, to, complaint] of [
    [
      'during: office-hours',
      'during: tea-time',
      /site\.yaml:\d+: routes\.0\.when\.during: there is no calendar "tea-time"/,
    ],
    ["called: ['12345']", "called: ['12-45']", /site\.yaml:\d+: routes\.0\.when\.called\.0: a pattern has digits/],
    ['callClass: staff', 'callClass: stuff', /site\.yaml:\d+: callClass: there is no call class "stuff"/],
    [
      "from: '13:30'",
      "from: '25:30'",
      /site\.yaml:\d+: calendars\.0\.weekly\.1\.from: a time of day is 00:00 to 24:00/,
    ],
  ] as const) {
    const folder = await changedSite(t, 'site.yaml', from, to);
    await assert.rejects(office(t, { store, siteFolder: folder }), (error: DispatchError) => {
      assert.match(error.message, complaint);
      const line = Number(/site\.yaml:(\d+)/.exec(error.message)![1]);
      assert.equal(line, 1 + lineOf(to), 'the line is where it stands');
      return true;

      function lineOf(text: string) {
        return readFileSync(join(folder, 'site.yaml'), 'utf8')
          .split('\n')
          .findIndex((each) => each.includes(text));
      }
    });
  }
});

test('the first run’s password is given once, or made up once, and never logged', async (t) => {
  const heard: unknown[] = [];
  const note = (message: string, data?: unknown) => heard.push(message, data);
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const { store, directory, open } = await office(t, { adminPassword: undefined, log });
  const password = directory.generatedPassword!;
  assert.match(password, /^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/);
  assert.ok(!JSON.stringify(heard).includes(password));
  for (const username of ['admin', 'dispatcher'])
    assert.equal((await directory.users.login(from('::1', username, password))).kind, 'ok');
  await using again = await open();
  assert.equal(again.generatedPassword, undefined);
  assert.equal((await again.users.login(from('::1', 'admin', password))).kind, 'ok');
  const rows = await store.query<{ hash: string }>('SELECT hash FROM directory_password');
  assert.ok(rows.every(({ hash }) => hash.startsWith('$argon2id$')));
  assert.notEqual(rows[0]!.hash, rows[1]!.hash);
});

test('at a site that is not the demo only administrators get the first password', async (t) => {
  const siteFolder = await changedSite(t, 'site.yaml', 'id: demo', 'id: real');
  const { directory } = await office(t, { siteFolder });
  assert.equal((await directory.users.login(from('::1'))).kind, 'ok');
  assert.equal((await directory.users.login(from('::1', 'dispatcher'))).kind, 'refused');
});

test('guessing is slowed for that user at that address, and for nobody else', async (t) => {
  const clock = new ManualClock();
  const { directory } = await office(t, { clock });
  const { users } = directory;
  for (let i = 0; i < 4; i += 1) assert.equal((await users.login(from('10.0.0.9', 'admin', 'guess'))).kind, 'refused');
  const waits: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    const outcome = await users.login(from('10.0.0.9'));
    assert.equal(outcome.kind, 'throttled', 'not even the right password is looked at');
    waits.push((outcome as { retryAfterS: number }).retryAfterS);
    clock.advance(waits.at(-1)! * 1000 + 1);
    assert.equal((await users.login(from('10.0.0.9', 'admin', 'guess'))).kind, 'refused');
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32]);
  assert.equal((await users.login(from('10.0.0.10'))).kind, 'ok');
  assert.equal((await users.login(from('10.0.0.9', 'dispatcher'))).kind, 'ok');
  clock.advance(65_000);
  assert.equal((await users.login(from('10.0.0.9'))).kind, 'ok');
  for (const password of ['', 'x'.repeat(100_000), '\0'])
    assert.equal((await users.login(from('10.0.0.11', 'nobody', password))).kind, 'refused');
});

test('a session lives through a restart, and ends by logout, idleness or age', async (t) => {
  const clock = new ManualClock();
  const { store, directory, open } = await office(t, { clock });
  const login = async () => (await directory.users.login(from('::1'))) as { token: string };
  const { token } = await login();
  assert.equal((await directory.users.session(token))?.user.id, 'admin');
  assert.equal(await directory.users.session(`${token}x`), undefined);
  const [row] = await store.query<{ text: string }>('SELECT directory_session::text AS text FROM directory_session');
  assert.ok(!row!.text.includes(token));
  await directory[Symbol.asyncDispose]();

  await using again = await open();
  assert.equal((await again.users.session(token))?.user.id, 'admin');
  clock.advance(12 * 3_600_000 - 1);
  assert.ok(await again.users.session(token));
  clock.advance(12 * 3_600_000 + 1);
  assert.equal(await again.users.session(token), undefined);

  const busy = (await again.users.login(from('::1'))) as { token: string };
  for (let hour = 0; hour < 7 * 24; hour += 8) {
    assert.ok(await again.users.session(busy.token), `after ${hour} h`);
    clock.advance(8 * 3_600_000);
  }
  clock.advance(1);
  assert.equal(await again.users.session(busy.token), undefined);

  const last = (await again.users.login(from('::1'))) as { token: string };
  await again.users.logout(last.token);
  assert.equal(await again.users.session(last.token), undefined);
  assert.deepEqual(await store.query('SELECT FROM directory_session'), []);
});

test('a new password ends the sessions of the old one', async (t) => {
  const { directory } = await office(t);
  const { token } = (await directory.users.login(from('::1'))) as { token: string };
  await assert.rejects(directory.users.setPassword('admin', 'short'), /8-256/);
  await directory.users.setPassword('admin', 'a better one');
  assert.equal(await directory.users.session(token), undefined);
  assert.equal((await directory.users.login(from('::1'))).kind, 'refused');
  assert.equal((await directory.users.login(from('::1', 'admin', 'a better one'))).kind, 'ok');
});

test('rights reach down the tree from where they are given', async (t) => {
  const { directory } = await office(t);
  const session = async (username: string) => {
    const outcome = await directory.users.login(from('::1', username));
    assert.equal(outcome.kind, 'ok');
    return (outcome as { session: Parameters<typeof may>[0] }).session;
  };
  const town = await session('town');
  assert.ok(may(town, 'page', 'shiqiao') && may(town, 'page', 'hekou') && may(town, 'view'));
  assert.ok(
    !may(town, 'page', 'reservoir-office') && !may(town, 'page', 'lanxi-county') && !may(town, 'page', 'nowhere'),
  );
  assert.ok(!may(town, 'administer', 'shiqiao'));
  const observer = await session('observer');
  assert.ok(may(observer, 'watch', 'shiqiao') && !may(observer, 'run-plan') && !may(observer, 'view-care', 'shiqiao'));
  assert.ok(may(await session('admin'), 'administer', 'lanxi-county'));
  assert.ok(directory.isWithin('rescue-1', 'water-bureau') && !directory.isWithin('water-bureau', 'rescue-1'));
});

test('accounts have digest secrets of realm tocsin, and a password set later goes before the file’s', async (t) => {
  const { directory, open } = await office(t);
  // printf '1001:tocsin:tocsin-demo' | md5sum
  assert.equal((await directory.credentials('1001'))?.ha1Md5, '5cf75c4f7c8f74fd9927332bcb824333');
  assert.equal((await directory.credentials('1001'))?.ha1Sha256.length, 64);
  assert.equal(await directory.credentials('9999'), undefined);
  assert.equal(directory.accountPassword('1003'), 'tocsin-demo');
  const before = await directory.credentials('1005');
  await directory.setAccountPassword('1005', 'another');
  await using again = await open();
  assert.notDeepEqual(await again.credentials('1005'), before);
  assert.deepEqual(await again.credentials('1005'), await directory.credentials('1005'));
  assert.equal(again.accountPassword('1005'), undefined);
});

test('a log-in works while the database is away', async (t) => {
  const real = await openTestStore(t);
  let isAway = false;
  const refuse = <T>(work: () => Promise<T>) =>
    isAway ? Promise.reject(new DispatchError('DATABASE_UNAVAILABLE')) : work();
  const store: Store = {
    ...real,
    query: (text, values) => refuse(() => real.query(text, values)),
    transaction: (work) => refuse(() => real.transaction(work)),
  };
  const { directory } = await office(t, { store });
  isAway = true;
  const { token } = (await directory.users.login(from('::1'))) as { token: string };
  assert.ok(await directory.users.session(token));
  await directory.bindingStore.put([binding('1001', 1)]);
  isAway = false;
});

const binding = (user: string, n: number, userAgent = 'test'): Binding => ({
  user,
  contact: `sip:${user}@127.0.0.1:${5000 + n}`,
  q: 1,
  callId: `call-${n}`,
  cseq: n,
  expiresAtMs: Date.UTC(2026, 10, 22) + n,
  source: { transport: 'udp', host: '127.0.0.1', port: 5000 + n },
  isFlowBound: false,
  isWebSocket: false,
  userAgent,
});

test('bindings are safe when the registrar is told so', async (t) => {
  const { store, directory, open } = await office(t);
  const { bindingStore } = directory;
  const phones = Array.from({ length: 3000 }, (_, n) => binding('1001', n));
  await Promise.all(phones.map((phone) => bindingStore.put([phone])));
  const [row] = await store.query<{ count: number }>('SELECT count(*) AS count FROM registrar_binding');
  assert.equal(row!.count, 3000);
  await Promise.all([
    bindingStore.remove(phones.slice(2)),
    bindingStore.put([binding('1001', 1, 'newer \0 \ud800')]),
    bindingStore.remove([phones[0]!]),
    bindingStore.put([phones[0]!]),
  ]);
  await using again = await open();
  const kept = (await again.bindingStore.load()).sort((a, b) => a.cseq - b.cseq);
  assert.deepEqual(kept, [phones[0], binding('1001', 1, 'newer \uFFFD \uFFFD')]);
});
