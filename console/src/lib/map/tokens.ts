/** The colours of the moment: a canvas knows no custom properties, so they are read when the theme is chosen. */
const NAMES = [
  'bg-1',
  'bg-2',
  'line-2',
  'tx-1',
  'tx-2',
  'tx-3',
  'red',
  'orange',
  'yellow',
  'blue',
  'green',
  'cyan',
  'm-land',
  'm-contour',
  'm-contour-2',
  'm-water',
  'm-shore',
  'm-depth',
  'm-stream',
  'm-road',
  'm-road-case',
  'm-street',
  'm-house',
  'm-dam',
  'm-label',
  'm-water-label',
  'm-halo',
] as const;
export type Tokens = Record<(typeof NAMES)[number], string> & { font: string };

export function readTokens(): Tokens {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return { ...Object.fromEntries(NAMES.map((name) => [name, read(name)])), font: read('font') } as Tokens;
}
