import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { Camera, type CameraConfig } from './camera.ts';
import type { MoveOutcome } from './onvif/onvif-camera.ts';
import { complaintInWords } from './trouble.ts';

export interface CameraGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  cameras: CameraConfig[];
  /** The ffmpeg to call. */
  ffmpeg: string;
}

/** Opens the cameras of a site: each is supervised by RTSP, and sent on as SRTP while somebody wants its picture. */
export async function startCameraGateway(options: CameraGatewayOptions): Promise<CameraGateway> {
  await using opened = new AsyncDisposableStack();
  const { clock, chance, log, ffmpeg } = options;
  const gateway = opened.use(await openGateway({ ...options, kind: 'camera' }));
  const { faults } = gateway;
  const tell = gateway.setResource.bind(gateway);
  const cameras = options.cameras.map((config) =>
    opened.use(new Camera(config, { ffmpeg, clock, chance, log, faults, tell })),
  );
  return new CameraGateway(gateway, new Map(cameras.map((camera) => [camera.config.id, camera])), opened.move());
}

export class CameraGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #cameras: ReadonlyMap<string, Camera>;
  readonly #parts: AsyncDisposableStack;

  /** Use startCameraGateway. */
  constructor(gateway: Gateway, cameras: ReadonlyMap<string, Camera>, parts: AsyncDisposableStack) {
    this.gateway = gateway;
    this.#cameras = cameras;
    this.#parts = parts;
    gateway.announce([...cameras.values()].map(({ state }) => state));
    gateway.faults.watch((resource) => cameras.get(resource)?.faultChanged());
    gateway.onCommand(
      'send-picture',
      async ({ camera, stream, to, ssrc, payloadType, srtpKey, forMs }) => {
        const found = cameras.get(camera);
        if (!found) return unknown(camera);
        found.send(stream, { ...to, ssrc, payloadType, srtpKey }, forMs);
        return { outcome: 'done' };
      },
      { afterCrash: 'again' },
    );
    gateway.onCommand(
      'stop-picture',
      async ({ camera, stream }) => {
        cameras.get(camera)?.stop(stream);
        return cameras.has(camera) ? { outcome: 'done' } : unknown(camera);
      },
      { afterCrash: 'again' },
    );
    gateway.onCommand(
      'move-camera',
      ({ camera, pan, tilt, zoom, forMs }) => answered(cameras.get(camera)?.move({ pan, tilt, zoom }, forMs), camera),
      // An order that is late moves a camera that nobody looks at any more.
      { afterCrash: 'refuse' },
    );
    gateway.onCommand('go-to-preset', ({ camera, preset }) => answered(cameras.get(camera)?.goTo(preset), camera), {
      afterCrash: 'refuse',
    });
    gateway.onCommand('self-test', ({ resource }) => this.#test(resource), { afterCrash: 'again' });
    for (const camera of cameras.values()) void camera.look();
  }

  snapshot() {
    return { ...this.gateway.snapshot(), cameras: [...this.#cameras.values()].map((camera) => camera.snapshot()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #test(resource: string) {
    const camera = this.#cameras.get(resource);
    if (!camera) return unknown(resource);
    const found = await camera.look();
    if (found?.kind === 'trouble') return { outcome: 'refused' as const, because: complaintInWords(found.complaint) };
    // While its picture is sent, that is the test.
    if (!found && camera.state.state !== 'ready')
      return { outcome: 'refused' as const, because: camera.state.detail ?? 'no picture' };
    return { outcome: 'done' as const };
  }
}

async function answered(order: Promise<MoveOutcome> | undefined, camera: string) {
  const outcome = await order;
  if (!outcome) return unknown(camera);
  return outcome.kind === 'done'
    ? { outcome: 'done' as const }
    : { outcome: 'refused' as const, because: outcome.because };
}

const unknown = (camera: string) => ({ outcome: 'refused' as const, because: `there is no camera "${camera}" here` });
