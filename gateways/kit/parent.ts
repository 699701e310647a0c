/**
 * Calls `end` once when this process should finish: its parent has gone (IPC channel closed), or it was asked to by
 * SIGTERM, SIGINT or an IPC message `{kind: 'stop'}`. A gateway process never outlives its server as an orphan.
 */
export function onProcessShouldEnd(end: (why: 'parent-gone' | 'signal' | 'asked') => void): void {
  let isEnding = false;
  const once = (why: 'parent-gone' | 'signal' | 'asked') => {
    if (isEnding) return;
    isEnding = true;
    end(why);
  };
  if (process.send) {
    process.once('disconnect', () => once('parent-gone'));
    process.on('message', (message: unknown) => {
      if ((message as { kind?: unknown } | null)?.kind === 'stop') once('asked');
    });
  }
  process.once('SIGTERM', () => once('signal'));
  process.once('SIGINT', () => once('signal'));
}
