import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnPhone } from './kit/own-phone.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

test('two running conferences are joined and separated again, and a kill changes nothing', async (t) => {
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SIP_PORT: String(await freePort()),
    TOCSIN_HTTP_PORT: String(await freePort()),
  });
  const phone = (user: string, toneHz: number) => OwnPhone.start(t, { user, server: tocsin.sip, toneHz });
  const flood = await Promise.all([phone('1005', 700), phone('1006', 900)]);
  const rescue = await Promise.all([phone('1007', 1100), phone('1008', 1300)]);
  const all = [...flood, ...rescue];
  for (const each of flood) await each.call('8001');
  for (const each of rescue) await each.call('8002');
  const [conference, other] = await until('both run', async () => {
    const opened = await tocsin.timeline({ kind: 'conference.opened' });
    const ids = ['8001', '8002'].map(
      (number) => opened.find(({ data }) => data['number'] === number)?.data['conference'] as string | undefined,
    );
    return ids.every((id) => id !== undefined) && ids;
  });
  const ids = { conference: conference!, other: other! };

  /** Everybody hears those who share a row with him, and nobody else. */
  const hears = async (...rows: OwnPhone[][]) => {
    for (const each of all) each.forget();
    const isRight = (listener: OwnPhone, speaker: OwnPhone) =>
      listener === speaker ||
      listener.hears(speaker.toneHz) === rows.some((row) => row.includes(listener) && row.includes(speaker));
    await until('everybody hears whom he should', () => all.every((a) => all.every((b) => isRight(a, b))), 60_000);
  };

  await hears(flood, rescue);
  await tocsin.command({ do: 'conference.join-with', ...ids });
  await hears(all);
  const again = await tocsin.request('POST', '/api/commands', {
    do: 'conference.join-with',
    conference: other,
    other: conference,
  });
  assert.equal(again.status, 409, 'a second way between them would let sound go round');

  await tocsin.kill();
  await tocsin.begin();
  await hears(all);

  await tocsin.command({ do: 'conference.separate', ...ids });
  await hears(flood, rescue);
  await tocsin.command({ do: 'conference.join-with', ...ids });
  await hears(all);
  for (const each of rescue) await each.hangUp();
  await until(
    'the empty one has ended',
    async () => (await tocsin.timeline({ kind: 'conference.ended' })).length === 1,
  );
  await until('the two of the other hear each other still', () => flood[0].hears(900) && flood[1].hears(700));
});
