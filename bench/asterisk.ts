/** Asterisk as a back-to-back user agent, out of a root of its own, for benches. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PORT = 15_970;

const FILES = (answererPort: number): Record<string, string> => ({
  'asterisk.conf': `[directories]
astetcdir => /etc/asterisk-bench
[options]
verbose = 0
debug = 0
`,
  'modules.conf': `[modules]
autoload=yes
noload=chan_iax2.so
noload=res_http_websocket.so
noload=res_ari.so
noload=cdr_csv.so
noload=cel_custom.so
`,
  'logger.conf': '[logfiles]\nmessages => error\n',
  'rtp.conf': '[general]\nrtpstart=24000\nrtpend=28999\n',
  'pjsip.conf': `[udp]
type=transport
protocol=udp
bind=127.0.0.1:${PORT}
[sipp]
type=endpoint
context=bench
disallow=all
allow=alaw,ulaw
aors=sipp
direct_media=no
[sipp]
type=aor
contact=sip:service@127.0.0.1:${answererPort}
[sipp]
type=identify
endpoint=sipp
match=127.0.0.1
`,
  'extensions.conf': '[bench]\nexten => _.,1,Dial(PJSIP/sipp)\nexten => _.,n,Hangup()\n',
});

/** Undefined without a root that has Asterisk in it. Needs the right to change roots. */
export async function startAsterisk(root: string | undefined, answererPort: number) {
  if (root === undefined || !existsSync(join(root, 'usr/sbin/asterisk'))) return undefined;
  const folder = join(root, 'etc/asterisk-bench');
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(FILES(answererPort))) writeFileSync(join(folder, name), text);
  const args = [root, '/usr/sbin/asterisk', '-f', '-C', '/etc/asterisk-bench/asterisk.conf'];
  const child = spawn('chroot', args, { stdio: 'ignore' });
  // Also when the bench fails in between.
  process.on('exit', () => child.kill());
  await sleep(15_000);
  return {
    pid: child.pid!,
    port: PORT,
    async stop() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
