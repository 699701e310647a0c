import { frameX, frameY, type Frame } from './canvas-layer.ts';
import { mercatorX, mercatorY } from './geometry.ts';
import type { MapChannel, MapDevice } from './marks.ts';
import type { Tokens } from './tokens.ts';
import { drawIcon } from './unit-layer.ts';

/** A one-key device: a small ring; dashed when it has not been heard. */
export function drawDevice(frame: Frame, device: MapDevice, tokens: Tokens, isChosen: boolean): void {
  const { context } = frame;
  const x = frameX(frame, mercatorX(device.at.longitude));
  const y = frameY(frame, mercatorY(device.at.latitude));
  context.beginPath();
  context.arc(x, y, isChosen ? 5 : 3.5, 0, 2 * Math.PI);
  context.fillStyle = tokens['m-land'];
  context.fill();
  context.strokeStyle = isChosen ? tokens.cyan : tokens['tx-3'];
  context.lineWidth = isChosen ? 2 : 1.2;
  context.setLineDash(device.isSilent ? [2, 2] : []);
  context.stroke();
  context.setLineDash([]);
}

/** Where a channel's mast stands. */
export function drawStation(frame: Frame, channel: MapChannel, tokens: Tokens): void {
  const { context } = frame;
  const x = Math.round(frameX(frame, mercatorX(channel.at.longitude)));
  const y = Math.round(frameY(frame, mercatorY(channel.at.latitude)));
  const colour = channel.look === 'down' ? tokens.red : channel.look === 'on-air' ? tokens.green : tokens['tx-2'];
  drawIcon(context, 'radio', x - 7, y - 8, 14, colour);
  context.font = `12px ${tokens.font}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = tokens['m-halo'];
  context.fillStyle = channel.look === 'idle' ? tokens['m-label'] : colour;
  context.strokeText(channel.label, x + 11, y);
  context.fillText(channel.label, x + 11, y);
}
