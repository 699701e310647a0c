/**
 * From a press at a desk to what it sets going. Push to talk: `floor.request` by a console until it hears that the floor is
 * its own. The plan: `plan.start` of "flood response, level 1" by a console until the first INVITE has come at the carrier and
 * until the first packet has come to a multicast horn. A whole server with its gateways; nobody answers the calls. Prints one
 * JSON line.
 *
 *   node bench/presses.bench.ts [plan starts] [presses of the key]
 */
import type { TestContext } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { openUserAgent } from '@tocsin/server/sip';
import { openHorn } from '../gateways/pa/horn-simulator.ts';
import { openGroundRadioSimulator } from '../gateways/radio/ed137/ground-radio-simulator.ts';
import { Console } from '../scenarios/kit/console.ts';
import { freePort } from '../scenarios/kit/ports.ts';
import { TalkingPhone } from '../scenarios/kit/talking-phone.ts';
import { pause, until } from '../scenarios/kit/wait.ts';
import { carrierAt, type House, inHouse } from './house.ts';
import { percentiles } from './percentiles.ts';
import { MACHINE } from './sip-load.ts';

const parts = { clock: systemClock, chance: systemChance, log: silentLog };
const PATIENCE_MS = 10_000;
/** In which the INVITEs of a start are counted. */
const COUNTED_MS = 2000;

const starts = Number(process.argv[2] ?? 20);
const presses = Number(process.argv[3] ?? 100);

await using carrier = await openUserAgent({ ...parts, host: '127.0.0.1', port: 0, requireDigest: false });
await using radio = await openGroundRadioSimulator({ ...parts, rtpPort: await freePort() });
const dam = { id: 'main-dam', group: '239.255.79.1', port: await freePort(), horns: 1 };
await using horn = await openHorn({ ...parts, ...dam, id: 'dam-left' });
// It goes with the process.
const phone = await TalkingPhone.start({ after: () => {} } as unknown as TestContext);

const gateways = [
  { kind: 'pa', id: 'pa-1', multicastInterface: '127.0.0.1', zones: [{ ...dam, names: ['dam-left'] }] },
  { kind: 'radio', id: 'radio-1', bearer: 'vhf-uhf', channel: 'vhf-1', air: { protocol: 'ed137', radio: radio.uri } },
];
const result = await inHouse(
  (site) => {
    carrierAt(site, carrier.address.port);
    site.channels = [
      { id: 'vhf-1', name: { zh: 'VHF 1' }, organisation: 'command-centre', gateway: 'radio-1', bearer: 'vhf-uhf' },
    ];
    site.trunks!.push({
      ...{ id: 'phones', name: { zh: '电话' } },
      send: { host: '127.0.0.1', prefix: '71', port: phone.port, stripPrefix: true },
    });
  },
  measure,
  gateways,
);
console.log(JSON.stringify(result));
process.exit();

async function measure({ tocsin, t }: House) {
  const desk = await Console.open(t, tocsin);
  await until('the gateways are there', () => desk.get('zones', 'main-dam')?.state === 'idle' && radio.isLinked);

  const patched = await desk.command({ do: 'patch.open', channels: ['vhf-1'], targets: [{ number: '71001' }] });
  if (!patched.ok) throw new Error(`the patch was not opened: ${JSON.stringify(patched)}`);
  const granted: number[] = [];
  for (let n = 0; n < presses; n += 1) {
    const pressedMs = performance.now();
    const floor = await desk.command({ do: 'floor.request', channel: 'vhf-1' });
    if (!floor.ok) throw new Error(`the floor was not granted: ${JSON.stringify(floor)}`);
    granted.push(performance.now() - pressedMs);
    await pause(50);
    await desk.command({ do: 'floor.release', channel: 'vhf-1' });
    await pause(150);
  }
  await desk.command({ do: 'conference.end', conference: (patched.value as { conference: string }).conference });

  const invitesAtMs: number[] = [];
  carrier.on('invite', (invite) => {
    invitesAtMs.push(performance.now());
    invite.refuse(486);
  });
  const plan = { firstInvite: [] as number[], firstSound: [] as number[], invites: [] as number[] };
  for (let n = 0; n <= starts; n += 1) {
    invitesAtMs.length = 0;
    const packetsBefore = horn.packets;
    let soundAtMs: number | undefined;
    const pressedMs = performance.now();
    const answer = desk.command({ do: 'plan.start', plan: 'flood-level-1' });
    while (performance.now() - pressedMs < PATIENCE_MS && (soundAtMs === undefined || invitesAtMs.length === 0)) {
      if (soundAtMs === undefined && horn.packets > packetsBefore) soundAtMs = performance.now();
      await pause(1);
    }
    await pause(Math.max(0, pressedMs + COUNTED_MS - performance.now()));
    const invites = invitesAtMs.filter((atMs) => atMs - pressedMs <= COUNTED_MS).length;
    const started = await answer;
    if (!started.ok) throw new Error(`the plan was not started: ${JSON.stringify(started)}`);
    const { run } = started.value as { run: string };
    await desk.command({ do: 'run.stop', run });
    await desk.command({ do: 'page.stop', zones: ['main-dam'] });
    await until('the zone is free again', () => desk.get('zones', 'main-dam')?.announcement === undefined);
    const packets = () => horn.packets;
    for (let last = -1; last !== packets(); await pause(200)) last = packets();
    // The first one makes the speech and compiles code.
    if (n === 0) continue;
    plan.firstInvite.push((invitesAtMs[0] ?? NaN) - pressedMs);
    plan.invites.push(invites);
    plan.firstSound.push((soundAtMs ?? NaN) - pressedMs);
  }

  return {
    bench: 'presses',
    machine: MACHINE,
    method: `${starts} starts of flood-level-1 (after one unmeasured), its people by one trunk that refuses each call, one multicast horn; ${presses} presses of the key in a patch of a radio and a phone; by a console on socket.io on the same machine`,
    planToFirstInviteMs: percentiles(plan.firstInvite),
    invitesWithin2S: percentiles(plan.invites),
    planToFirstSoundMs: percentiles(plan.firstSound),
    keyToGrantMs: percentiles(granted),
  };
}
