import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { cannotRun, openBrowser, mediasoupClientScript, readySfu } from './test-browser.ts';
import { watch } from './test-pages.ts';
import type { IntakeAddress, IntakeState } from './plain-intake.ts';

const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? 'ffmpeg';

test(
  'a picture that ffmpeg sends as SRTP is seen in a page; its end is told, and a wrong key brings nothing',
  { skip: cannotRun(), timeout: 90_000 },
  async (t) => {
    const [sfu, browser, script] = await Promise.all([readySfu(t), openBrowser(t), mediasoupClientScript()]);
    const publisher = await sfu.openPublisher();
    const intake = await publisher.openIntake();
    assert.equal(publisher.isSilent, true);
    const states: IntakeState[] = [];
    publisher.on('intake', (state) => states.push(state));
    const stranger = send({ ...intake.address, srtpKey: 'A'.repeat(40) });
    t.after(() => stranger.kill('SIGKILL'));
    await new Promise<void>((resolve) => setTimeout(resolve, 2000));
    assert.deepEqual(states, [], 'what another key has sealed is not taken');
    stranger.kill('SIGKILL');

    const page = await browser.openPage({ scripts: [script] });
    const viewer = await sfu.openViewer(publisher);
    const sender = send(intake.address);
    t.after(() => sender.kill('SIGKILL'));
    await until(() => states.at(-1) === 'flowing');
    assert.equal(publisher.isSilent, false);
    await watch(page, viewer);
    await page.evaluate(SEES);
    sender.kill('SIGKILL');
    await until(() => states.at(-1) === 'silent');
    assert.equal(publisher.isSilent, true);
  },
);

const SEES = `kit.until(() => video.getVideoPlaybackQuality().totalVideoFrames > 5)`;

function send({ host, port, ssrc, payloadType, srtpKey }: IntakeAddress) {
  return spawn(
    ffmpeg,
    [
      ...['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-pix_fmt', 'yuv420p'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-g', '10', '-tune', 'zerolatency'],
      ...['-f', 'rtp', '-rtpflags', 'skip_rtcp', '-ssrc', String(ssrc), '-payload_type', String(payloadType)],
      ...['-srtp_out_suite', 'AES_CM_128_HMAC_SHA1_80', '-srtp_out_params', srtpKey],
      `srtp://${host}:${port}?pkt_size=1200`,
    ],
    { stdio: 'ignore' },
  );
}

async function until(check: () => boolean): Promise<void> {
  const endAt = performance.now() + 30_000;
  while (!check()) {
    if (performance.now() > endAt) throw new Error('did not happen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
