/** What a key press is called in the lists of shortcuts: `k`, `F2`, `Shift+1`, `/`, `?`, `Escape`. Letters by what they write. */
export function keyName(
  event: Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>,
): string {
  if (event.key === 'Control') return event.code === 'ControlRight' ? 'RightControl' : 'Control';
  if (event.ctrlKey || event.altKey || event.metaKey) return '';
  const digit = /^Digit([0-9])$/.exec(event.code);
  if (digit && event.shiftKey) return `Shift+${digit[1]}`;
  if (event.key === ' ') return 'Space';
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/** True while the person writes: single keys then belong to the text. */
export function isWriting(target: EventTarget | null): boolean {
  const element = target as { closest?: (selector: string) => unknown } | null;
  return Boolean(element?.closest?.('input, textarea, select, [contenteditable]'));
}
