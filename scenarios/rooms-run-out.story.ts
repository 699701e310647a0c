import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnPhone } from './kit/own-phone.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** As many as the demonstration site has rooms. */
const ROOMS = 9;

test('with every room taken a conference and a plan still bring people together, and an ended run leaves no empty room', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const [one, two] = await Promise.all([
    OwnPhone.start(t, { user: '1005', server: tocsin.sip, toneHz: 784 }),
    OwnPhone.start(t, { user: '1006', server: tocsin.sip, toneHz: 1175 }),
  ]);
  const numbers: string[] = [];
  for (let n = 0; n < ROOMS; n += 1) {
    const { number } = (await tocsin.command({ do: 'conference.open', targets: [] })) as { number: string };
    numbers.push(number);
  }
  assert.deepEqual(
    numbers.toSorted(),
    Array.from({ length: ROOMS }, (_, n) => `800${n + 1}`),
  );

  const beyond = (await tocsin.command({
    do: 'conference.open',
    targets: [{ number: '1005' }, { number: '1006' }],
  })) as { conference: string; number: string };
  assert.ok(!numbers.includes(beyond.number), beyond.number);
  await until('the two hear each other beyond the rooms', () => one.hears(two.toneHz) && two.hears(one.toneHz));
  await tocsin.command({ do: 'conference.end', conference: beyond.conference });
  await until('both are free', () => !one.isTalking && !two.isTalking);

  const { id: run } = (await tocsin.command({ do: 'plan.start', plan: 'flood-level-1' })) as { id: string };
  await until('the plan calls people in', async () =>
    (await tocsin.timeline({ kind: 'conference.opened' })).some((entry) => entry.run === run),
  );
  await tocsin.command({ do: 'run.stop', run });
  await until('its conference is over', async () =>
    (await tocsin.timeline({ kind: 'conference.ended' })).some((entry) => entry.run === run),
  );
});
