import type { Page } from 'playwright-core';
import { until } from './wait.ts';

/** What a page plays loudly enough to be heard; the tones of a story come out at about −25 dB in its analyser. */
export const AUDIBLE_IN_PAGE_DB = -50;

/**
 * Ears for a page, as a script that runs before its own. Only what an element really plays counts: running, not muted, with
 * some volume.
 */
export const EARS = `
globalThis.ears = (() => {
  const played = new Set();
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () { played.add(this); return play.call(this); };
  const analysers = new WeakMap();
  let context;
  const tracks = () => [...new Set([...played, ...document.querySelectorAll('audio, video')])]
    .filter((element) => !element.paused && !element.muted && element.volume > 0 && element.srcObject instanceof MediaStream)
    .flatMap((element) => element.srcObject.getAudioTracks())
    .filter((track) => track.readyState === 'live');
  const analyserOf = (track) => {
    context ??= new AudioContext({ sampleRate: 48000 });
    if (!analysers.has(track)) {
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      analysers.set(track, analyser);
    }
    return analysers.get(track);
  };
  return {
    /** The loudest that each of these tones was within the time, in dB. */
    async listen(hertz, ms) {
      const loudest = hertz.map(() => -200);
      const endsAt = performance.now() + ms;
      for (;;) {
        for (const track of tracks()) {
          const analyser = analyserOf(track);
          const bins = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(bins);
          hertz.forEach((hz, index) => {
            const at = Math.round((hz * 8192) / 48000);
            loudest[index] = Math.max(loudest[index], ...bins.subarray(at - 2, at + 3));
          });
        }
        if (performance.now() > endsAt) return loudest.map((db) => Math.round(Math.max(db, -200)));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
})();
`;

/** The loudest that each of these tones was in what the page played during this time, in dB. */
export async function listenInPage(page: Page, hertz: number[], seconds: number): Promise<number[]> {
  return await page.evaluate(
    async ([tones, ms]) =>
      await (globalThis as unknown as { ears: { listen(hertz: number[], ms: number): Promise<number[]> } }).ears.listen(
        tones,
        ms,
      ),
    [hertz, seconds * 1000] as const,
  );
}

/** Waits until the page plays this tone. */
export async function pageHears(page: Page, hz: number, withinMs = 20_000): Promise<void> {
  let last = -200;
  await until(
    `the page plays ${hz} Hz`,
    async () => {
      [last = -200] = await listenInPage(page, [hz], 0.2);
      return last > AUDIBLE_IN_PAGE_DB;
    },
    withinMs,
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${last} dB`);
  });
}
