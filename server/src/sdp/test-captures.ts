import { readFileSync } from 'node:fs';

/** A description as that client sent it. `firefox-style` was written by hand after Firefox's form, the others were caught on the wire. */
export function capture(
  name:
    | 'baresip-1.0.0'
    | 'linphone-5.1.65'
    | 'sipp-3.6.1'
    | 'sipjs-0.21.2-chromium-156'
    | 'chromium-156-video-first'
    | 'firefox-style',
): string {
  return readFileSync(new URL(`./captures/${name}.sdp`, import.meta.url), 'utf8');
}

/** Lines as a description, with the line ends of the wire. */
export const sdp = (...lines: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', ...lines, ''].join('\r\n');
