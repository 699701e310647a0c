import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Name } from '@tocsin/protocol/common.ts';
import type { CheckItem } from '@tocsin/protocol/views.ts';
import type { GatewayState } from '#calls/gateway-resources.ts';
import { sleep } from '#kernel/clock.ts';
import type { Desk } from './desk.ts';

/** What one test found. */
export type Finding = Pick<CheckItem, 'state' | 'detail'>;

/** One thing to try, and how. */
export interface CheckTask {
  id: string;
  kind: CheckItem['kind'];
  name: Name;
  test(): Promise<Finding>;
}

const LIMITS = {
  /** A horn's silent test takes about 2.5 s. */
  selfTestWithinMs: 10_000,
  pingWithinMs: 4000,
  /** Free space below which the disk is on the red list. */
  diskFreeBytes: 2 * 2 ** 30,
  /** How long the recorder writes. */
  recordForMs: 600,
} as const;

const OK: Finding = { state: 'ok' };
const failed = (detail: string): Finding => ({ state: 'failed', detail });
const skipped = (detail: string): Finding => ({ state: 'skipped', detail });

/** Everything that a site has, as things to try, in the order of the page. */
export function checkTasks(desk: Desk): CheckTask[] {
  const { site } = desk.directory;
  const { morningCheck } = site;
  return [
    ...ofTheHouse(desk),
    ...desk.resources.gateways().flatMap((gateway) => ofGateway(gateway, desk)),
    ...site.trunks.map((trunk): CheckTask => ({
      id: `trunk/${trunk.id}`,
      kind: 'trunk',
      name: trunk.name,
      test: () =>
        trunk.send
          ? ping(`sip:${trunk.send.host}:${trunk.send.port}`, desk)
          : Promise.resolve(skipped('incoming only')),
    })),
    ...site.zones.flatMap((zone): CheckTask[] => {
      const { reach } = zone;
      if (reach.kind !== 'sip') return [];
      const test = () => registered(reach.account, desk);
      return [{ id: `zone/${zone.id}`, kind: 'horn', name: zone.name, test }];
    }),
    ...(morningCheck?.numbers ?? []).map(({ number, name }): CheckTask => ({
      id: `number/${number}`,
      kind: 'number',
      name,
      test: () => keyNumber(number, desk),
    })),
    ...site.devices.map((device): CheckTask => ({
      id: `device/${device.id}`,
      kind: 'device',
      name: device.name,
      test: async () => {
        const view = desk.alarms.devices().find(({ id }) => id === device.id);
        if (view?.isSilent) return failed('silent');
        return view?.lastHeardAt === undefined ? failed('not heard since the start') : OK;
      },
    })),
    ...site.gauges.map((gauge): CheckTask => ({
      id: `gauge/${gauge.id}`,
      kind: 'sensor',
      name: gauge.name,
      test: async () => {
        const view = desk.alarms.gauge(gauge.id);
        if (view?.isSilent) return failed('silent');
        return view?.at === undefined
          ? failed('no reading since the start')
          : { ...OK, detail: `${view.value} ${gauge.unit}` };
      },
    })),
  ];
}

function ofTheHouse(desk: Desk): CheckTask[] {
  const house = (id: string, zh: string, en: string, test: () => Promise<Finding>): CheckTask => ({
    id: `house/${id}`,
    kind: 'house',
    name: { zh, en },
    test,
  });
  return [
    house('database', '数据库', 'Database', async () => {
      const rows = await desk.store.query('SELECT 1 AS one');
      const { problem } = desk.timeline.snapshot();
      return rows.length === 1 && !problem ? OK : failed(problem ?? 'no answer');
    }),
    house('disk', '磁盘', 'Disk', () => disk(desk.dataFolder)),
    house('recorder', '录音', 'Recorder', () => recorder(desk)),
    house('speech', '语音合成', 'Speech', async () => {
      await desk.engine.speak({ text: '晨检', language: 'zh' });
      return OK;
    }),
    house('video', '视频', 'Video', async () =>
      desk.sfu.state.kind === 'ready'
        ? OK
        : failed(desk.sfu.state.kind === 'failed' ? desk.sfu.state.why : 'not ready yet'),
    ),
  ];
}

/** The gateway itself, and each thing that it reaches. Horns are tried with their zone. */
function ofGateway(gateway: GatewayState, desk: Desk): CheckTask[] {
  const own: CheckTask = {
    id: `gateway/${gateway.id}`,
    kind: 'gateway',
    name: { zh: `网关 ${gateway.id}`, en: `Gateway ${gateway.id}` },
    test: async () => (desk.resources.gateway(gateway.id)?.isOnline ? OK : failed('offline')),
  };
  const all = gateway.resources.filter(({ kind }) => kind !== 'horn');
  const tried = all.map((resource): CheckTask => ({
    id: `gateway/${gateway.id}/${resource.id}`,
    kind: KINDS[resource.kind] ?? 'gateway',
    name: nameOf(resource.id, desk),
    test: () => selfTest(gateway.id, resource.id, desk),
  }));
  return [own, ...tried];
}

const KINDS: Partial<Record<GatewayState['resources'][number]['kind'], CheckItem['kind']>> = {
  zone: 'horn',
  channel: 'radio',
  line: 'trunk',
  'sms-provider': 'texts',
  gauge: 'sensor',
  device: 'device',
  camera: 'camera',
};

function nameOf(resource: string, { directory }: Desk): Name {
  const { zones, channels, gauges, devices, trunks, cameras } = directory.site;
  return (
    [...zones, ...channels, ...gauges, ...devices, ...trunks, ...cameras].find(({ id }) => id === resource)?.name ?? {
      zh: resource,
    }
  );
}

async function selfTest(gateway: string, resource: string, desk: Desk): Promise<Finding> {
  const state = desk.resources.gateway(gateway);
  if (!state?.isOnline) return failed('gateway offline');
  const { outcome, because = '' } = await desk.asks.ask(
    gateway,
    { kind: 'self-test', resource },
    LIMITS.selfTestWithinMs,
  );
  if (outcome === 'done') return OK;
  if (/announcement is on the air/.test(because)) return skipped(because);
  // A gateway that has no test of its own still says how its resources are.
  if (!/does not do self-test/.test(because)) return failed(because);
  const now = state.resources.find(({ id }) => id === resource);
  return now?.state === 'ready' ? { ...OK, detail: 'as reported' } : failed(now?.detail ?? now?.state ?? 'unknown');
}

async function ping(target: string, desk: Desk): Promise<Finding> {
  const outcome = await desk.ping(target, LIMITS.pingWithinMs);
  return outcome.kind === 'answered' ? OK : failed(outcome.kind);
}

async function registered(account: string, desk: Desk): Promise<Finding> {
  return desk.phones.isRegistered(account) ? OK : failed('not registered');
}

/** A key number: its phone is registered, or its trunk has a free line. */
async function keyNumber(number: string, desk: Desk): Promise<Finding> {
  if (desk.directory.site.accounts.some(({ user }) => user === number)) return registered(number, desk);
  const trunk = desk.directory.site.trunks.find(({ send }) => send && number.startsWith(send.prefix));
  if (!trunk?.send) return failed('leads nowhere');
  if (desk.lines.free(trunk.id) === 0) return failed('no free line');
  return ping(`sip:${trunk.send.host}:${trunk.send.port}`, desk);
}

async function disk(folder: string): Promise<Finding> {
  const { bavail, bsize, blocks } = await statfs(folder);
  const probe = join(folder, 'check.probe');
  const file = await open(probe, 'w');
  await file.write('morning check');
  await file.datasync();
  await file.close();
  await rm(probe);
  const free = bavail * bsize;
  const detail = `${(free / 2 ** 30).toFixed(1)} GB of ${((blocks * bsize) / 2 ** 30).toFixed(0)} GB free`;
  return free < LIMITS.diskFreeBytes ? failed(detail) : { ...OK, detail };
}

/** Records a tone as a call is recorded, and looks whether it is in the file. */
async function recorder(desk: Desk): Promise<Finding> {
  const bridge = await desk.engine.openBridge({ label: 'morning check' });
  const tone = await desk.engine.openPlayback({ source: { kind: 'tone', hz: [440] } });
  const file = `recordings/check-${desk.chance.id('probe')}.wav`;
  const recording = await desk.engine.openRecorder({ file });
  await bridge.add(tone, { hears: 'nobody' });
  await bridge.add(recording, { hears: 'everyone', heardBy: 'nobody' });
  await sleep(desk.clock, LIMITS.recordForMs);
  const { durationMs, file: written } = await recording.close();
  await tone.close();
  await bridge.close();
  await rm(written, { force: true });
  return durationMs >= LIMITS.recordForMs / 2 ? OK : failed(`only ${Math.round(durationMs)} ms were recorded`);
}
