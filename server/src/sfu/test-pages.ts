import type { Page } from 'playwright-core';
import type { Publisher } from './publisher.ts';
import type { Source, WatchedSource } from './sources.ts';
import type { Viewer } from './viewer.ts';

/**
 * The field phone's page as the product's page does it, with mediasoup-client, signalling by function calls in place of
 * socket.io. The picture is a canvas: black, white for 100 ms every 2 s, with a beep of 1000 Hz at the same moment.
 */
export async function publish(page: Page, publisher: Publisher, { videoCodec = 'video/VP8' } = {}): Promise<void> {
  const asked = await signalling(page, {
    connect: ({ transportId, dtlsParameters }) => publisher.connectTransport(transportId as string, dtlsParameters),
    produce: ({ source, rtpParameters }) => publisher.produce({ source: source as Source, rtpParameters }),
  });
  const options = {
    asked,
    videoCodec,
    routerRtpCapabilities: publisher.routerRtpCapabilities,
    transport: await publisher.openTransport('send'),
  };
  await page.evaluate(async ({ asked, videoCodec, routerRtpCapabilities, transport }) => {
    const page = globalThis as any;
    const ask = (name: string, body: object) => page[asked](name, body);
    const device = await page.mediasoupClient.Device.factory();
    await device.load({ routerRtpCapabilities });
    const sending = device.createSendTransport(transport);
    sending.on('connect', ({ dtlsParameters }: any, done: () => void, failed: (error: unknown) => void) =>
      ask('connect', { transportId: sending.id, dtlsParameters }).then(done, failed),
    );
    sending.on(
      'produce',
      ({ rtpParameters, appData }: any, done: (it: any) => void, failed: (error: unknown) => void) =>
        ask('produce', { source: appData.source, rtpParameters }).then(done, failed),
    );
    const { video, audio } = page.flashAndBeep();
    page.microphone = audio;
    const codecOf = (mimeType: string) =>
      device.sendRtpCapabilities.codecs.find((each: any) => each.mimeType.toLowerCase() === mimeType.toLowerCase());
    await sending.produce({ track: video, codec: codecOf(videoCodec), appData: { source: 'camera' } });
    await sending.produce({ track: audio, appData: { source: 'microphone' } });
    /** The same microphone once more, as G.711 for the conference. */
    page.speakInCall = (track: any) =>
      sending.produce({ track, codec: codecOf('audio/PCMA'), appData: { source: 'call-microphone' } });
    page.device = device;
  }, options);
}

/** The field phone takes part in a conference: speaks a tone of 700 Hz, and hears the talk-back. */
export async function joinCall(page: Page, publisher: Publisher): Promise<void> {
  const asked = await signalling(page, {
    connect: ({ transportId, dtlsParameters }) => publisher.connectTransport(transportId as string, dtlsParameters),
    consume: ({ rtpCapabilities }) => publisher.consumeTalkBack(rtpCapabilities),
  });
  await page.evaluate(
    async ({ asked, transport }) => {
      const page = globalThis as any;
      await page.speakInCall(page.kit.tone(700).getTracks()[0]);
      const receiving = page.device.createRecvTransport(transport);
      receiving.on('connect', ({ dtlsParameters }: any, done: () => void, failed: (error: unknown) => void) =>
        page[asked]('connect', { transportId: receiving.id, dtlsParameters }).then(done, failed),
      );
      const rtpCapabilities = page.device.recvRtpCapabilities;
      const { track } = await receiving.consume(await page[asked]('consume', { rtpCapabilities }));
      page.ears = page.kit.ears(new page.MediaStream([track]));
    },
    { asked, transport: await publisher.openTransport('receive') },
  );
}

/** The console's page that watches. Leaves `video` (an element) and `ears` on the page. */
export async function watch(page: Page, viewer: Viewer): Promise<void> {
  const asked = await signalling(page, {
    connect: ({ dtlsParameters }) => viewer.connect(dtlsParameters),
    consume: ({ source, rtpCapabilities }) => viewer.consume(source as WatchedSource, rtpCapabilities),
    resume: ({ source }) => viewer.resume(source as WatchedSource),
  });
  const { routerRtpCapabilities, transport, sources } = viewer;
  await page.evaluate(
    async ({ asked, routerRtpCapabilities, transport, sources }) => {
      const page = globalThis as any;
      const ask = (name: string, body: object) => page[asked](name, body);
      const device = await page.mediasoupClient.Device.factory();
      await device.load({ routerRtpCapabilities });
      const receiving = device.createRecvTransport(transport);
      receiving.on('connect', ({ dtlsParameters }: any, done: () => void, failed: (error: unknown) => void) =>
        ask('connect', { dtlsParameters }).then(done, failed),
      );
      page.take = async (source: string) => {
        const { track } = await receiving.consume(
          await ask('consume', { source, rtpCapabilities: device.recvRtpCapabilities }),
        );
        if (source === 'camera') {
          page.video ??= Object.assign(page.document.createElement('video'), { muted: true });
          page.video.srcObject = new page.MediaStream([track]);
          page.video.play();
        } else page.ears = page.kit.ears(new page.MediaStream([track]));
        await ask('resume', { source });
      };
      for (const source of sources) await page.take(source);
    },
    { asked, routerRtpCapabilities, transport, sources },
  );
}

/** What `publish` shows and says, as a script for the page. */
export const FLASH_AND_BEEP = `
globalThis.flashAndBeep = () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  document.body.append(canvas);
  const drawing = canvas.getContext('2d');
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: 1000 });
  const gate = new GainNode(context, { gain: 0 });
  const out = context.createMediaStreamDestination();
  oscillator.connect(gate).connect(out);
  oscillator.start();
  let count = 0;
  let lit = false;
  const step = () => {
    const phase = context.currentTime % 2;
    const isOn = phase > 1 && phase < 1.1;
    if (isOn !== lit) { lit = isOn; gate.gain.setValueAtTime(isOn ? 0.5 : 0, context.currentTime); }
    drawing.fillStyle = isOn ? 'white' : 'black';
    drawing.fillRect(0, 0, 320, 240);
    drawing.fillStyle = 'gray';
    drawing.fillRect(count++ % 300, 0, 20, 10);
  };
  setInterval(step, 16);
  return { video: canvas.captureStream(30).getVideoTracks()[0], audio: out.stream.getAudioTracks()[0] };
};
`;

type Answers = Record<string, (body: Record<string, unknown>) => Promise<unknown>>;

let names = 0;

/** Gives the page one function that asks for these; returns its name. */
async function signalling(page: Page, answers: Answers): Promise<string> {
  const name = `ask${names++}`;
  await page.exposeFunction(name, (what: string, body: Record<string, unknown>) => answers[what]?.(body));
  return name;
}
