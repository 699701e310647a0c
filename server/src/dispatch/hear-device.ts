import type { Location } from '@tocsin/protocol/common.ts';
import type { DeviceAlarm, DeviceHeartbeat, DeviceReading } from '@tocsin/protocol/gateway.ts';
import type { Desk } from './desk.ts';

/** What devices and gauges tell. Each resolves when it is durable: the broker acknowledges it then. */
export const hearDevice = {
  async alarm(device: string, body: DeviceAlarm, { alarms }: Desk): Promise<void> {
    await alarms.takeDeviceAlarm(device, body);
  },
  async heartbeat(device: string, body: DeviceHeartbeat, { alarms }: Desk): Promise<void> {
    alarms.takeHeartbeat(device, body);
  },
  async location(device: string, body: Location, { alarms }: Desk): Promise<void> {
    alarms.takeLocation(device, body);
  },
  async reading(gauge: string, body: DeviceReading, { alarms }: Desk): Promise<void> {
    await alarms.takeReading(gauge, body);
  },
};
