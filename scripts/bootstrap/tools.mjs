// What the scenarios are played with: real phones, browsers and judges of what is on the wire.
import { existsSync } from 'node:fs';
import { aptInstall } from './apt.mjs';
import { onPath } from './places.mjs';
import { Degraded } from './progress.mjs';

/** Debian's package, and what shows that it is there: a command, or a file. */
const TOOLS = {
  chromium: 'chromium',
  'baresip-core': 'baresip',
  'sip-tester': 'sipp',
  'linphone-cli': 'linphonec',
  kamailio: 'kamailio',
  sipsak: 'sipsak',
  sox: 'sox',
  tshark: 'tshark',
  'libxml2-utils': 'xmllint',
  'espeak-ng': 'espeak-ng',
  ffmpeg: 'ffmpeg',
  'mosquitto-clients': 'mosquitto_pub',
  'fonts-noto-cjk': '/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc',
};

/** @param {(text: string) => void} progress */
export async function installTestTools(progress) {
  const absent = missingTools();
  if (absent.length === 0) return;
  progress(absent.join(' '));
  await aptInstall(absent, progress);
  const still = missingTools();
  if (still.length > 0)
    throw new Degraded(`scenarios need more: sudo apt-get install -y --no-install-recommends ${still.join(' ')}`);
}

function missingTools() {
  return Object.entries(TOOLS)
    .filter(([, proof]) => !(proof.startsWith('/') ? existsSync(proof) : onPath(proof)))
    .map(([name]) => name);
}
