import type { Command, CommandResult } from '@tocsin/protocol/console.ts';
import { t } from '#i18n/language.svelte.ts';
import { command } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/**
 * What every button does: sends the command, and says in words when it was refused. What it changed is seen when the server
 * says so; nothing is drawn ahead of it. With `done`, the outcome is told too; with `undo`, key Z takes it back.
 */
export async function act(what: Command, options: { done?: string; undo?: Command } = {}): Promise<CommandResult> {
  const result = await command(what);
  if (!result.ok) {
    toasts.show({
      kind: result.code === 'LINK_LOST' ? 'error' : 'warning',
      text: failureInWords(result.code, result.message),
    });
  } else if (options.done) {
    const undo = options.undo;
    toasts.show({
      kind: 'information',
      text: options.done,
      ...(undo ? { act: { label: t.common.undo, key: 'Z', run: () => void act(undo) } } : {}),
    });
  }
  return result;
}

/** The sentence for a code; the server's own words when the console has none. */
export function failureInWords(code: string, message = ''): string {
  const known = (t.errors as unknown as Record<string, string | undefined>)[code];
  return known ?? t.errors.failed(message || code);
}
