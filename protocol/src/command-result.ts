/** The one answer to every request of a console or a field phone. `message` is in the user's words. */
export type CommandResult = { ok: true; value?: unknown } | { ok: false; code: string; message: string };
