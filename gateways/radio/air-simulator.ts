import { createSocket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { openGroundRadioSimulator } from './ed137/ground-radio-simulator.ts';
import type { Speech } from './heard-transmission.ts';
import type { AirOptions } from './radio-gateway.ts';
import { openRtpRadioSimulator } from './rtp/rtp-radio-simulator.ts';

/** Which radio is played behind a channel: plain data, so that it can come over IPC. */
export interface AirSimulatorConfig {
  channel: string;
  protocol: 'ed137' | 'rtp';
  /** Of the way through the air, one way: a satellite hop. */
  delayMs?: number;
}

/** A radio in the field, whatever it speaks. */
export interface AirSimulator extends AsyncDisposable {
  /** How its gateway reaches it. */
  readonly air: Exclude<AirOptions, { protocol: 'usrp' }>;
  readonly isLinked: boolean;
  transmit(speech: Speech): Promise<void>;
  snapshot(): Record<string, unknown>;
}

export async function openAirSimulator({
  protocol,
  delayMs = 0,
  host,
  ...kit
}: AirSimulatorConfig & { host: string; clock: Clock; chance: Chance; log: Log }): Promise<AirSimulator> {
  if (protocol === 'ed137') {
    const radio = await openGroundRadioSimulator({ host, ...kit });
    return simulatorOf(radio, { protocol, radio: radio.uri });
  }
  const radio = await openRtpRadioSimulator({ host, delayMs, clock: kit.clock });
  // Such gear is set up with both addresses.
  const listenPort = await freeUdpPort(host);
  radio.connect(host, listenPort);
  return simulatorOf(radio, { protocol, listenPort, remoteHost: host, remotePort: radio.port });
}

function simulatorOf(radio: Omit<AirSimulator, 'air'>, air: AirSimulator['air']): AirSimulator {
  return {
    air,
    get isLinked() {
      return radio.isLinked;
    },
    transmit: (speech) => radio.transmit(speech),
    snapshot: () => ({ protocol: air.protocol, ...radio.snapshot() }),
    [Symbol.asyncDispose]: () => radio[Symbol.asyncDispose](),
  };
}

async function freeUdpPort(host: string): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, host, () => resolve());
  });
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
