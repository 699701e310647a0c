import type { Camera } from '@tocsin/protocol/directory.ts';
import type { CommandOf } from '@tocsin/protocol/console.ts';
import { CAMERA_TROUBLES, type CameraTrouble, type CameraView } from '@tocsin/protocol/views.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { CameraFeed, CameraSender } from '#video/camera-feed.ts';
import type { Actor, Desk } from './desk.ts';
import { steererOf } from './steerers.ts';

/** A camera's picture is wanted at a desk: the feed that runs already, or a new one. */
export async function openCamera({ camera: id, incident }: CommandOf<'camera.open'>, actor: Actor, desk: Desk) {
  const feed = openFeedOf(cameraOf(id, desk), { by: actor.user, ...(incident ? { incidentId: incident } : {}) }, desk);
  return { feed: feed.id };
}

/** Throws CAMERA_UNKNOWN. */
export function cameraOf(id: string, { directory }: Pick<Desk, 'directory'>): Camera {
  const camera = directory.site.cameras.find((each) => each.id === id);
  if (!camera) throw new DispatchError('CAMERA_UNKNOWN', id);
  return camera;
}

/** Opens a camera for somebody, or for an alarm. Throws FEED_LIMIT. */
export function openFeedOf(
  camera: Camera,
  why: { by: string; incidentId?: string; isDrill?: boolean; firstViewerWithinMs?: number },
  desk: Desk,
): CameraFeed {
  const { id, name } = camera;
  const feed = desk.feeds.openCamera({ camera: { id, name: name.zh }, sender: senderOf(camera, desk), ...why });
  feed.tellTrouble(stateOf(camera, desk).trouble);
  return feed;
}

/** Tells the running feeds what their gateways know, and gateways that have come back what is wanted of them. */
export function followCameras(desk: Desk): void {
  const { resources, feeds, directory } = desk;
  const away = new Set<string>();
  resources.on('changed', ({ id: gateway, isOnline }) => {
    const isBack = isOnline && away.delete(gateway);
    if (!isOnline) away.add(gateway);
    for (const camera of directory.site.cameras) {
      const feed = camera.gateway === gateway ? feeds.ofCamera(camera.id) : undefined;
      feed?.tellTrouble(stateOf(camera, desk).trouble);
      if (isBack) feed?.askAgain();
    }
  });
}

/** What is known of a camera, for every desk. */
export function stateOf(camera: Camera, desk: Desk): CameraView {
  const { resources, feeds } = desk;
  const { id } = camera;
  const feed = feeds.ofCamera(id);
  const steeredBy = steererOf(id, desk);
  const own = { id, ...(feed ? { feed: feed.id } : {}), ...(steeredBy ? { steeredBy } : {}) };
  const gateway = resources.gateway(camera.gateway);
  if (!gateway?.isOnline) return { ...own, state: 'down', trouble: 'camera-gateway-away' };
  const resource = gateway.resources.find((each) => each.kind === 'camera' && each.id === id);
  if (!resource) return { ...own, state: 'unknown' };
  const head = resource.presets ? { presets: resource.presets } : {};
  if (resource.state === 'ready') return { ...own, ...head, state: 'ready' };
  const [name, ...detail] = (resource.detail ?? '').split(': ');
  const trouble: CameraTrouble = CAMERA_TROUBLES.find((each) => each === name) ?? 'camera-unreachable';
  return { ...own, ...head, state: 'down', trouble, ...(detail.length > 0 ? { detail: detail.join(': ') } : {}) };
}

function senderOf({ id: camera, gateway }: Camera, desk: Desk): CameraSender {
  const send = (command: Parameters<Desk['sendToGateway']>[1]) =>
    desk.sendToGateway(gateway, command).catch((error: unknown) => {
      // It is said again some seconds later anyway.
      desk.log.warn('camera gateway not told', { gateway, kind: command.kind, error });
    });
  const command = () => desk.chance.id('cmd');
  return {
    send: (stream, { host, port, ssrc, payloadType, srtpKey }, forMs) =>
      void send({
        ...{ kind: 'send-picture', command: command(), camera, stream, to: { host, port } },
        ...{ ssrc, payloadType, srtpKey, forMs },
      }),
    stop: (stream) => void send({ kind: 'stop-picture', command: command(), camera, stream }),
  };
}
