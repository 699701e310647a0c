import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance as chance } from '@tocsin/server/kernel/chance.ts';
import { systemClock as clock } from '@tocsin/server/kernel/clock.ts';
import { silentLog as log } from '@tocsin/server/kernel/log.ts';
import { until } from '../../kit/test-broker.ts';
import { readXml } from '../../kit/xml.ts';
import { Faults } from '../../kit/faults.ts';
import { Camera } from '../camera.ts';
import { OnvifHead } from '../simulator/onvif-head.ts';
import { clockOf, OnvifCamera, presetsOf, serviceOf } from './onvif-camera.ts';
import { passwordDigest } from './soap.ts';

const account = { username: 'viewer', password: 'a<b&"c' };

async function head(t: TestContext, clockOffMs = 0): Promise<OnvifHead> {
  const made = await OnvifHead.open({ ...account, clock, clockOffMs });
  t.after(() => made[Symbol.asyncDispose]());
  return made;
}

test('a camera whose clock is hours off is found with its presets, moved, stopped and sent to a preset', async (t) => {
  const simulator = await head(t, -5 * 3_600_000);
  const camera = new OnvifCamera(simulator.url, account, { clock, chance });
  assert.deepEqual(await camera.open(), { kind: 'done' });
  assert.deepEqual(camera.presets, [
    { id: '1', name: '溢洪道闸门' },
    { id: '2', name: '下游河道' },
  ]);
  assert.deepEqual(await camera.move({ pan: 0.5, tilt: -0.25, zoom: 0 }, 60_000), { kind: 'done' });
  assert.ok(simulator.isMoving);
  await until(() => simulator.orders.length === 1, 'the order');
  assert.deepEqual(await camera.stop(), { kind: 'done' });
  assert.ok(!simulator.isMoving && simulator.at.pan > 0 && simulator.at.tilt < 0);
  assert.deepEqual(await camera.goTo('2'), { kind: 'done' });
  assert.equal(simulator.at.pan, 0.6);
  assert.deepEqual(simulator.orders, ['move 0.5 -0.25 0', 'stop', 'preset 下游河道']);
});

test('a wrong password, a preset that is none, a camera that is away and one that is none are told apart', async (t) => {
  const simulator = await head(t);
  const wrong = new OnvifCamera(simulator.url, { ...account, password: 'wrong' }, { clock, chance });
  assert.deepEqual(await wrong.open(), { kind: 'refused', because: 'camera-password-wrong' });
  const right = new OnvifCamera(simulator.url, account, { clock, chance });
  const outcome = await right.goTo('99');
  assert.match(outcome.kind === 'refused' ? outcome.because : '', /preset token does not exist/);
  const nonsense = createServer((_request, response) => response.end('<html><body>Login</body>'));
  await new Promise<void>((resolve) => nonsense.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(nonsense.address() as { port: number }).port}/onvif/device_service`;
  const none = await new OnvifCamera(url, account, { clock, chance }).open();
  assert.match(none.kind === 'refused' ? none.because : '', /camera-unreachable: no SOAP/);
  await new Promise<void>((resolve) => nonsense.close(() => resolve()));
  const away = await new OnvifCamera(url, account, { clock, chance }).open();
  assert.match(away.kind === 'refused' ? away.because : '', /camera-unreachable/);
});

test('a camera of which nobody speaks any more is stopped by its gateway, and one without a head refuses', async (t) => {
  const simulator = await head(t);
  const parts = {
    ...{ ffmpeg: 'ffmpeg', clock, chance, log, tell: () => {} },
    faults: new Faults({ isAllowed: false, clock, chance }),
  };
  // Nobody is behind port 9, and a head moves without a picture.
  const config = { id: 'c', url: 'rtsp://127.0.0.1:9/', ...account };
  const camera = new Camera({ ...config, onvif: simulator.url }, parts);
  const fixed = new Camera(config, parts);
  t.after(async () => {
    await camera[Symbol.asyncDispose]();
    await fixed[Symbol.asyncDispose]();
  });
  assert.deepEqual(await camera.move({ pan: 1, tilt: 0, zoom: 0 }, 300), { kind: 'done' });
  await until(() => !simulator.isMoving && simulator.orders.length >= 2, 'the camera stands still');
  assert.equal(simulator.orders[0], 'move 1 0 0');
  assert.equal((await fixed.move({ pan: 1, tilt: 0, zoom: 0 }, 300)).kind, 'refused');
});

test('the example of the ONVIF Application Programmer’s Guide has the digest that it says', () => {
  const nonce = Buffer.from('LKqI6G/AikKCQrN0zqZFlg==', 'base64');
  assert.equal(passwordDigest(nonce, '2010-09-16T07:50:45Z', 'userpassword'), 'tuOSpGlFlIXsozq4HFNeeGeFLEI=');
});

test('answers are read whatever their prefixes; whatever comes instead is nothing, and never an error', () => {
  const body = (xml: string) => {
    const read = readXml(xml);
    assert.ok(read.kind === 'document');
    return read.root;
  };
  const capabilities = body(
    '<a:C xmlns:a="x" xmlns:b="y"><b:Capabilities><b:Media><b:XAddr>http://192.0.2.7/onvif/media</b:XAddr></b:Media><b:PTZ><b:XAddr>file:///etc/passwd</b:XAddr></b:PTZ></b:Capabilities></a:C>',
  );
  assert.equal(serviceOf(capabilities, 'Media'), 'http://192.0.2.7/onvif/media');
  assert.equal(serviceOf(capabilities, 'PTZ'), undefined);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('Preset', 'Name', 'UTCDateTime', 'Time', 'Date', 'Hour', 'XAddr', 'PTZ'), {
        maxLength: 12,
      }),
      (names) => {
        const xml = names.reduceRight((inner, name) => `<${name} token="t">${inner}</${name}>`, '7');
        const root = body(`<Answer>${xml}<Preset/></Answer>`);
        assert.ok(presetsOf(root).length <= 2);
        assert.equal(typeof clockOf(root, 0), 'number');
        serviceOf(root, 'PTZ');
      },
    ),
    { numRuns: 300 },
  );
});
