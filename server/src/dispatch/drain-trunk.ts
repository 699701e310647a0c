import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Actor, Desk } from './desk.ts';

/** Takes a trunk or one of its lines out of service: its calls go on, and no new one goes out by it. */
export async function drainTrunk({ trunk, line, because }: CommandOf<'trunk.drain'>, actor: Actor, desk: Desk) {
  mustExist(trunk, line, desk);
  await desk.outOfService.take({ trunk, ...(line === undefined ? {} : { line }), by: actor.user, because });
  await noteSoon({ kind: 'trunk.drained', actor: actor.user, data: { trunk, line, because } }, desk);
  return { trunk, inUse: desk.lines.inUse(trunk) };
}

/** Puts it back into service. */
export async function restoreTrunk({ trunk, line }: CommandOf<'trunk.restore'>, actor: Actor, desk: Desk) {
  mustExist(trunk, line, desk);
  if (await desk.outOfService.giveBack(trunk, line))
    await noteSoon({ kind: 'trunk.put-back', actor: actor.user, data: { trunk, line } }, desk);
  return { trunk };
}

function mustExist(trunk: string, line: string | undefined, desk: Desk): void {
  const found = desk.directory.site.trunks.find(({ id }) => id === trunk);
  const isThere = line === undefined || found?.lineNames.some(({ id }) => id === line);
  if (!found || !isThere) throw new DispatchError('NOT_FOUND', line === undefined ? trunk : `${trunk} ${line}`);
}
