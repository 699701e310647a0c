import type { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { sleep } from '@tocsin/server/kernel/clock.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import type { Report } from './report.ts';

export interface AlarmGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  /** Which account of the protocol is which device here. */
  devices: { account: string; device: string }[];
}

/** What all receivers of alarms share: who is who, the way to the server, and what is counted. */
export interface AlarmGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  /** The device of an account; one that is not in the directory has a name of its own, so that its cry is not lost. */
  deviceOf(account: string): string;
  /**
   * Takes what an account says. On the disk when the promise resolves: the protocol's acknowledgement may go out then.
   *
   * @param id of the event, so that a second copy is the same alarm; absent: a new one
   */
  take(
    account: string,
    reports: readonly Report[],
    facts?: { id?: string; at?: number; location?: DeviceAlarm['location'] },
  ): Promise<void>;
  /** Something that was sent here and is not ours: counted, and logged with a reason. */
  refuse(why: string, facts?: Record<string, unknown>): void;
  snapshot(): ReturnType<Gateway['snapshot']> & { alarms: number; alive: number; information: number; refused: number };
}

/** Opens the life of a receiver of alarms. `protocol` is the first part of the name of unknown devices. */
export async function openAlarmGateway(
  options: AlarmGatewayOptions & {
    protocol: string;
    /** Whether alarms can come in now; what a self-test says. */
    problem(): string | undefined;
  },
): Promise<AlarmGateway> {
  const { devices, clock, log, protocol } = options;
  const gateway = await openGateway({ ...options, kind: 'alarm' });
  const byAccount = new Map(devices.map(({ account, device }) => [account.toUpperCase(), device]));
  const count = { alarms: 0, alive: 0, information: 0, refused: 0 };
  gateway.announce([
    { id: options.id, kind: 'line', state: 'ready', detail: protocol },
    ...[...new Set(byAccount.values())]
      .slice(0, 900)
      .map((id) => ({ id, kind: 'device' as const, state: 'ready' as const })),
  ]);
  gateway.onCommand(
    'self-test',
    async ({ resource }) => {
      const isOurs = resource === options.id || [...byAccount.values()].includes(resource);
      const problem = isOurs ? options.problem() : `there is no device "${resource}"`;
      return problem === undefined ? { outcome: 'done' } : { outcome: 'refused', because: problem };
    },
    { afterCrash: 'again' },
  );

  const deviceOf = (account: string) =>
    byAccount.get(account.toUpperCase()) ?? `${protocol}-${account.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`.slice(0, 64);

  return {
    gateway,
    deviceOf,
    async take(account, reports, { id, at, location } = {}) {
      const device = deviceOf(account);
      const { faults } = gateway;
      await sleep(clock, faults.delayMs(device));
      // Not acknowledged: the device is to send again, as after a real loss.
      if (faults.swallows(device)) throw new Error('the report is lost: a fault is played');
      const stored: Promise<void>[] = [];
      for (const [index, report] of reports.entries()) {
        switch (report.what) {
          case 'alarm': {
            count.alarms += 1;
            const { kind, isOver, level, point, text } = report;
            stored.push(
              gateway.publishAlarm(device, {
                kind,
                ...(id !== undefined && { alarm: index === 0 ? id : `${id}.${index}` }),
                ...(at !== undefined && { at }),
                ...(isOver && { isOver }),
                ...(level && { level }),
                ...(point !== undefined && { point: point.slice(0, 40) }),
                ...(text !== undefined && { text: text.slice(0, 500) }),
                ...(location && { location }),
              }),
            );
            break;
          }
          case 'alive':
            count.alive += 1;
            break;
          case 'information':
            count.information += 1;
            log.info('information from a device', { device, text: report.text.slice(0, 80) });
            break;
        }
      }
      gateway.publishDevice(device, 'heartbeat', { at: clock.now() });
      await Promise.all(stored);
    },
    refuse(why, facts = {}) {
      count.refused += 1;
      log.warn('message of an alarm device refused', { protocol, why, ...facts });
    },
    snapshot: () => ({ ...gateway.snapshot(), ...count }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
