import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import type { CapAlert } from './alert.ts';
import { startCapGateway, type CapGatewayOptions } from './gateway.ts';
import { readAlert } from './read.ts';
import { alertOf, warningOf, type PublishWarning } from './translate.ts';
import { writeAlert } from './write.ts';

const SCHEMA = join(import.meta.dirname, 'fixtures/CAP-v1.2.xsd');
const HAS_XMLLINT = spawnSync('xmllint', ['--version']).status === 0;

/** What the schema itself says, by libxml2. */
function isValidByXmllint(text: string): boolean {
  const { status, stderr } = spawnSync('xmllint', ['--noout', '--nonet', '--schema', SCHEMA, '-'], { input: text });
  if (status === null) throw new Error('xmllint did not run');
  if (status > 4) throw new Error(stderr.toString());
  return status === 0;
}

/** The storm of the appendix of CAP-v1.2-os (A.2), shortened. */
const STORM = `<?xml version = "1.0" encoding = "UTF-8"?>
<alert xmlns = "urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>KSTO1055887203</identifier>
  <sender>KSTO@NWS.NOAA.GOV</sender>
  <sent>2003-06-17T14:57:00-07:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <category>Met</category>
    <event>SEVERE THUNDERSTORM</event>
    <responseType>Shelter</responseType>
    <urgency>Immediate</urgency>
    <severity>Severe</severity>
    <certainty>Observed</certainty>
    <eventCode><valueName>SAME</valueName><value>SVR</value></eventCode>
    <expires>2003-06-17T16:00:00-07:00</expires>
    <senderName>NATIONAL WEATHER SERVICE SACRAMENTO CA</senderName>
    <headline>SEVERE THUNDERSTORM WARNING</headline>
    <description>AT 254 PM PDT...RADAR INDICATED A SEVERE THUNDERSTORM OVER SOUTH CENTRAL ALPINE COUNTY.</description>
    <instruction>TAKE COVER IN A SUBSTANTIAL SHELTER UNTIL THE STORM PASSES.</instruction>
    <contact>BARUFFALDI/JUSKIE</contact>
    <area>
      <areaDesc>EXTREME NORTH CENTRAL TUOLUMNE COUNTY IN CALIFORNIA</areaDesc>
      <polygon>38.47,-120.14 38.34,-119.95 38.52,-119.74 38.62,-119.89 38.47,-120.14</polygon>
      <geocode><valueName>SAME</valueName><value>006109</value></geocode>
    </area>
  </info>
</alert>`;

const ORDER: PublishWarning = {
  ...{ kind: 'publish-warning', command: 'w-1', identifier: 'w-1', messageType: 'alert', isDrill: false },
  sentAt: Date.UTC(2026, 10, 22, 6, 0, 0),
  references: [],
  incident: '1122',
  category: 'Safety',
  event: { zh: '溃坝洪水', en: 'Dam-break flood' },
  level: 1,
  urgency: 'Immediate',
  certainty: 'Likely',
  expiresAt: Date.UTC(2026, 10, 22, 12, 0, 0),
  headline: { zh: '下游立即转移', en: 'Leave the valley at once' },
  text: { zh: '坝前水位 & 流量超限 <红色>', en: 'Above the limit' },
  area: {
    name: '石桥村',
    outline: [
      { latitude: 30.21, longitude: 119.41 },
      { latitude: 30.22, longitude: 119.42 },
      { latitude: 30.2, longitude: 119.43 },
    ],
  },
};
const OWN = { sender: 'lanxi@tocsin.example', senderName: '兰溪水库 Lanxi' };

const alertIn = (text: string): CapAlert => {
  const reading = readAlert(text);
  assert.ok(reading.kind === 'alert', reading.kind === 'refused' ? reading.why : '');
  return reading.alert;
};

test('the storm of the standard’s appendix is read as it says', () => {
  const alert = alertIn(STORM);
  assert.deepEqual(
    [alert.identifier, alert.msgType, alert.sent],
    ['KSTO1055887203', 'Alert', Date.UTC(2003, 5, 17, 21, 57)],
  );
  const warning = warningOf(alert)!;
  assert.deepEqual(
    [warning.level, warning.headline, warning.messageType, warning.expiresAt],
    [2, { zh: 'SEVERE THUNDERSTORM WARNING', en: 'SEVERE THUNDERSTORM WARNING' }, 'alert', Date.UTC(2003, 5, 17, 23)],
  );
  assert.deepEqual(warning.location, { latitude: 38.4875, longitude: -119.93 });
});

test('tests, drafts and acknowledgements are not for people; an exercise is marked', () => {
  for (const status of ['Test', 'System', 'Draft'])
    assert.equal(warningOf(alertIn(STORM.replace('Actual', status))), undefined);
  assert.equal(warningOf(alertIn(STORM.replace('Actual', 'Exercise')))?.isDrill, true);
});

test('an alert, its update and its cancel are one warning, by their references', () => {
  const alert = alertOf(ORDER, OWN);
  const update = alertOf(
    { ...ORDER, identifier: 'w-2', messageType: 'update', references: [{ identifier: 'w-1', sentAt: ORDER.sentAt }] },
    OWN,
  );
  const cancel = alertOf(
    {
      ...{ ...ORDER, identifier: 'w-3', messageType: 'cancel' },
      references: [
        { identifier: 'w-1', sentAt: ORDER.sentAt },
        { identifier: 'w-2', sentAt: ORDER.sentAt + 60_000 },
      ],
    },
    OWN,
  );
  const warnings = [alert, update, cancel].map((each) => warningOf(alertIn(writeAlert(each, 8)))!);
  assert.deepEqual(
    warnings.map(({ messageType }) => messageType),
    ['alert', 'update', 'cancel'],
  );
  assert.equal(new Set(warnings.map(({ warning }) => warning)).size, 1);
  assert.equal(new Set(warnings.map(({ message }) => message)).size, 3);
});

test('what we write is what we meant, and valid by the schema of OASIS', { skip: !HAS_XMLLINT && 'no xmllint' }, () => {
  assert.equal(isValidByXmllint(STORM), true);
  for (const messageType of ['alert', 'update', 'cancel'] as const) {
    const alert = alertOf(
      {
        ...{ ...ORDER, messageType },
        references: messageType === 'alert' ? [] : [{ identifier: 'w-0', sentAt: ORDER.sentAt - 1000 }],
        area: { name: '圆', centre: { latitude: 30.2, longitude: 119.4 }, radiusKm: 2.5 },
      },
      OWN,
    );
    for (const hours of [0, 8, -7]) {
      const text = writeAlert(alert, hours);
      assert.equal(isValidByXmllint(text), true, text);
      assert.deepEqual(alertIn(text), alert);
    }
  }
});

test(
  'our rules and libxml2 with the schema judge alike, over alerts that are broken in every way',
  { skip: !HAS_XMLLINT && 'no xmllint' },
  () => {
    const lines = STORM.split('\n');
    const broken = [
      // Each line taken out, doubled, and changed with its neighbour.
      ...lines.slice(2, -1).flatMap((_, index) => {
        const at = index + 2;
        const [before, line, after] = [lines.slice(0, at), lines[at]!, lines.slice(at + 1)];
        return [
          [...before, ...after],
          [...before, line, line, ...after],
          ...(after.length > 1 ? [[...before, after[0]!, line, ...after.slice(1)]] : []),
        ].map((each) => each.join('\n'));
      }),
      STORM.replace('Immediate', 'immediate'),
      STORM.replace('-07:00</sent>', 'Z</sent>'),
      STORM.replace('14:57:00', '25:57:00'),
      STORM.replace('cap:1.2', 'cap:1.1'),
      STORM.replace('</alert>', '<x xmlns="urn:y"/></alert>'),
      STORM.replace('</alert>', '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></alert>'),
      STORM.replace('<areaDesc>', 'words<areaDesc>'),
    ];
    let invalid = 0;
    for (const text of broken) {
      const byXmllint = isValidByXmllint(text);
      const reading = readAlert(text);
      const why = reading.kind === 'refused' ? reading.why : 'taken';
      assert.equal(reading.kind === 'alert', byXmllint, `${why}\n${text}`);
      if (!byXmllint) invalid += 1;
    }
    assert.ok(invalid > 40, `${invalid} of ${broken.length} are invalid`);
  },
);

test('what the schema cannot say is refused too: names with blanks, updates without references, open polygons', () => {
  const why = (from: string | RegExp, to: string) => {
    const reading = readAlert(STORM.replace(from, to));
    return reading.kind === 'refused' ? reading.why : 'taken';
  };
  assert.match(why('KSTO1055887203', 'KSTO 1'), /identifier/);
  assert.match(why('KSTO@NWS', 'a,b@NWS'), /sender/);
  assert.match(why('>Alert<', '>Update<'), /references/);
  assert.match(why('>Public<', '>Restricted<'), /restriction/);
  assert.match(why('>Public<', '>Private<'), /private/);
  assert.match(why('38.47,-120.14</polygon>', '38.48,-120.14</polygon>'), /polygon/);
  assert.match(why('38.47,-120.14 ', '98.47,-120.14 '), /polygon/);
  assert.match(
    why('<?xml version = "1.0" encoding = "UTF-8"?>', '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    /document type/,
  );
});

test('whatever comes, it is read or refused', () => {
  fc.assert(
    fc.property(fc.nat(STORM.length), fc.nat(60), fc.string({ maxLength: 20 }), (at, length, text) => {
      const reading = readAlert(STORM.slice(0, at) + text + STORM.slice(at + length));
      if (reading.kind === 'alert') warningOf(reading.alert);
    }),
    { numRuns: 2000 },
  );
});

async function house(t: TestContext, more: Partial<CapGatewayOptions> = {}) {
  const broker = await openTestBroker();
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-cap-'));
  const inFolder = join(folder, 'in');
  const gateway = await startCapGateway({
    ...{ id: 'cap-1', site: broker.site, mqttUrl: broker.url, journalFolder: folder, ...OWN },
    ...{ clock: systemClock, chance: systemChance, log: silentLog },
    ...{ inFolder, outFolder: join(folder, 'out'), host: '127.0.0.1', port: 0, token: 'a token', ...more },
  });
  t.after(async () => {
    await gateway[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'online');
  const url = `http://127.0.0.1:${gateway.port}/cap`;
  const warnings = () => broker.heard.events.filter((event) => event.kind === 'warning');
  return { broker, gateway, inFolder, url, warnings };
}

gatewayContract('cap', (environment) => {
  mkdirSync(join(environment.journalFolder, 'out'), { recursive: true });
  return startCapGateway({
    ...environment,
    ...{ id: 'under-test', ...OWN, outFolder: join(environment.journalFolder, 'out'), host: '127.0.0.1', port: 0 },
  });
});

test('an alert laid in the folder or posted is a warning once; what is wrong is put aside or refused', async (t) => {
  const { gateway, inFolder, url, warnings } = await house(t);
  writeFileSync(join(inFolder, 'storm.xml'), STORM);
  writeFileSync(join(inFolder, 'broken.xml'), STORM.replace('<scope>', '<scoop>'));
  await gateway.lookIntoFolder();
  assert.deepEqual(readdirSync(join(inFolder, 'taken')), ['storm.xml']);
  assert.deepEqual(readdirSync(join(inFolder, 'refused')), ['broken.xml']);
  const headers = { authorization: 'Bearer a token' };
  const post = async (body: string, more = headers) =>
    (await fetch(url, { method: 'POST', body, headers: more })).status;
  assert.equal(await post(STORM), 200);
  assert.equal(await post(STORM.replace('KSTO1055887203', 'KSTO2')), 200);
  assert.equal(await post('<alert/>'), 422);
  assert.equal(await post(STORM, { authorization: 'Bearer another' }), 401);
  await until(() => warnings().length === 2, 'both warnings');
  assert.equal((await fetch(`${url}/none.xml`)).status, 404);
});

test('a feed is asked, each of its alerts is told once, and a feed that is gone is shown as down', async (t) => {
  let isThere = true;
  const server = createServer((request, response) => {
    if (!isThere) return void response.writeHead(500).end();
    const body =
      request.url === '/feed'
        ? '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/feed"/><entry><link href="/a.xml"/></entry><entry><link href="http://elsewhere.example/b.xml"/></entry></feed>'
        : STORM;
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const { gateway, warnings, broker } = await house(t, { feeds: [`http://127.0.0.1:${port}/feed`] });
  await gateway.lookAtFeeds();
  await gateway.lookAtFeeds();
  await until(() => warnings().length === 1, 'the warning');
  isThere = false;
  await gateway.lookAtFeeds();
  await until(
    () => broker.heard.events.some((event) => event.kind === 'resource' && event.resource.state === 'down'),
    'down',
  );
  assert.equal(warnings().length, 1);
});

test('an order is published: a valid file, in the feed, under its own address; our own alert coming back is no warning', async (t) => {
  const { broker, url, gateway, warnings } = await house(t);
  await broker.command('cap-1', ORDER);
  await until(
    () => broker.heard.results.some(({ command, outcome }) => command === 'w-1' && outcome === 'done'),
    'done',
  );
  const text = await (await fetch(`${url}/w-1.xml`)).text();
  assert.equal(alertIn(text).infos[0]!.headline, '下游立即转移');
  if (HAS_XMLLINT) assert.equal(isValidByXmllint(text), true);
  assert.match(await (await fetch(url)).text(), /cap\/w-1\.xml/);
  assert.equal(
    (await fetch(url, { method: 'POST', body: text, headers: { authorization: 'Bearer a token' } })).status,
    200,
  );
  assert.deepEqual(warnings(), []);
  assert.equal(gateway.snapshot().known, 1);
  assert.ok(readFileSync(SCHEMA, 'utf8').includes('Copyright OASIS Open 2010'));
});
