import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** Presses the key of a simulated one-key device. On a site without simulators there is no such thing. */
export async function pressDevice({ device }: CommandOf<'demo.press-device'>, _actor: Actor, desk: Desk) {
  if (!desk.directory.device(device)) throw new DispatchError('DEVICE_UNKNOWN', device);
  simulators(desk).pressDevice(device);
}

/** Lets somebody in the field speak on a simulated radio channel. */
export async function radioSpeaks({ channel, seconds }: CommandOf<'demo.radio-speaks'>, _actor: Actor, desk: Desk) {
  desk.conferences.channel(channel);
  simulators(desk).radioSpeaks(channel, seconds);
}

function simulators({ simulators: running }: Desk): NonNullable<Desk['simulators']> {
  if (!running) throw new DispatchError('NOT_FOUND', 'this site has no simulators');
  return running;
}
