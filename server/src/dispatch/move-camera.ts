import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { NewGatewayCommand } from '#calls/gateway-resources.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';
import { cameraOf } from './open-camera.ts';
import { steeringOf } from './steerers.ts';

/** A desk that holds a key says so again within this time; else the camera stands still, whatever has become of the desk. */
const MOVES_FOR_MS = 1500;
/** A camera's own answer takes 4 s at most. */
const ANSWER_WITHIN_MS = 6000;

/** Moves a camera's head while a key is held. On the timeline once for each time that somebody takes it. */
export async function moveCamera(command: CommandOf<'camera.move'>, actor: Actor, desk: Desk) {
  const { camera, pan, tilt, zoom } = command;
  const { name, gateway } = cameraOf(camera, desk);
  const hadIt = steeringOf(desk).take(camera, actor);
  if (!hadIt) await note('camera.steered', { camera, name: name.zh }, actor, desk);
  await ask(gateway, { kind: 'move-camera', camera, pan, tilt, zoom, forMs: MOVES_FOR_MS }, desk);
}

export async function sendToPreset({ camera, preset }: CommandOf<'camera.preset'>, actor: Actor, desk: Desk) {
  const { name, gateway } = cameraOf(camera, desk);
  steeringOf(desk).take(camera, actor);
  await ask(gateway, { kind: 'go-to-preset', camera, preset }, desk);
  const known = desk.resources.gateway(gateway)?.resources.find(({ id }) => id === camera)?.presets;
  const place = known?.find(({ id }) => id === preset)?.name ?? preset;
  await note('camera.sent-to-preset', { camera, name: name.zh, place }, actor, desk);
}

async function ask(gateway: string, command: NewGatewayCommand, desk: Desk): Promise<void> {
  if (!desk.resources.gateway(gateway)?.isOnline) throw new DispatchError('GATEWAY_OFFLINE', gateway);
  const { outcome, because } = await desk.asks.ask(gateway, command, ANSWER_WITHIN_MS);
  if (outcome === 'refused') throw new DispatchError('CAMERA_REFUSED', because);
}

async function note(kind: string, data: Record<string, unknown>, actor: Actor, desk: Desk): Promise<void> {
  await desk.timeline.append({ kind, actor: actor.user, data });
}
