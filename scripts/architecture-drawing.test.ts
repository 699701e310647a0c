import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draw } from './architecture-drawing.ts';

const imports = (source: string, ...resolved: string[]) => ({
  source,
  dependencies: resolved.map((path) => ({ resolved: path })),
});

test('the drawing shows folders, each arrow once', () => {
  const drawing = draw(
    [
      imports('server/src/calls/leg.ts', 'server/src/sip/a.ts', 'server/src/sip/b.ts', 'server/src/calls/hold.ts'),
      imports('server/src/main.ts', 'server/src/calls/leg.ts'),
      imports('gateways/pa/driver.ts', 'server/src/media/index.ts'),
    ],
    [['main'], ['calls'], ['sip', 'media']],
  );
  const arrows = drawing.split('\n').filter((line) => line.includes('-->'));
  assert.deepEqual(arrows, ['  calls --> sip', '  gateways --> media', '  main --> calls']);
});

test('tests, libraries and the kernel are not in the drawing', () => {
  const drawing = draw(
    [
      imports('server/src/sip/a.test.ts', 'server/src/media/x.ts'),
      imports('server/src/sip/a.ts', 'node_modules/pg/lib/index.js', 'server/src/kernel/clock.ts'),
    ],
    [['sip']],
  );
  assert.doesNotMatch(drawing, /-->/);
});
