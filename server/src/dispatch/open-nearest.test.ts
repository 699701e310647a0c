import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Camera } from '@tocsin/protocol/directory.ts';
import type { AlarmView } from '@tocsin/protocol/views.ts';
import type { Desk } from './desk.ts';
import { nearestTo, NEAREST_LIMITS, openNearest } from './open-nearest.ts';

const at = (latitude: number, longitude = 119) => ({ latitude, longitude });
const camera = (id: string, location: object, looksAt?: object) =>
  Camera.parse({ id, name: { zh: id }, organisation: 'o', gateway: 'g', location, looksAt });

test('the cameras that look nearest come first, whatever they stand on; those far away and those too many stay closed', () => {
  const all = [
    camera('far', at(30.1)),
    camera('third', at(30.01)),
    camera('second', at(30.005)),
    camera('stands-far-looks-here', at(30.5), at(30.001)),
  ];
  const ids = (count?: number) => nearestTo(at(30), all, count).map(({ id }) => id);
  assert.deepEqual(ids(), ['stands-far-looks-here', 'second']);
  assert.deepEqual(ids(5), ['stands-far-looks-here', 'second', 'third']);
  // 0.0225 degrees are 2502 m on this sphere, 0.0224 are 2491 m.
  assert.deepEqual(
    nearestTo(at(30), [camera('out', at(30.0225)), camera('in', at(30.0224))]).map(({ id }) => id),
    ['in'],
  );
});

test('each alarm names its cameras; a flood of them opens only so many that nobody watches', () => {
  const cameras = Array.from({ length: 40 }, (_, n) => camera(`c${n}`, at(30 + n * 0.1)));
  const open: { owner: object; state: string; viewings: object[] }[] = [];
  const named: string[][] = [];
  const desk = {
    directory: { site: { cameras, devices: [{ id: 'd', location: at(30) }], users: [], roles: [] } },
    alarms: { attach: (_id: string, facts: { cameras: string[] }) => named.push(facts.cameras) },
    resources: { gateway: () => undefined },
    feeds: {
      list: () => open,
      ofCamera: () => undefined,
      openCamera: ({ camera: { id } }: { camera: { id: string } }) => {
        open.push({ owner: { kind: 'camera', id }, state: 'opened', viewings: [] });
        return { tellTrouble: () => {} };
      },
    },
  } as unknown as Desk;
  const alarm = (facts: Partial<AlarmView>) => openNearest({ id: 'a', kind: 'one-key', ...facts } as AlarmView, desk);
  alarm({ device: 'd' });
  assert.deepEqual(named, [['c0']], 'the device’s place counts where the alarm has none');
  alarm({});
  alarm({ kind: 'technical', location: at(30) });
  assert.equal(named.length, 1);
  for (let n = 1; n < 20; n++) alarm({ location: at(30 + n * 0.1) });
  assert.equal(named.length, 20);
  assert.equal(open.length, NEAREST_LIMITS.openAtOnce);
});
