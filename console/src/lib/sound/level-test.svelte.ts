const LOOKS_EVERY_MS = 100;

/** Shows that a microphone hears: its level, ten times a second, and nothing is sent anywhere. */
export class LevelTest {
  isRunning = $state(false);
  isRefused = $state(false);
  levelDb = $state(-Infinity);
  #close: (() => void) | undefined;

  async start(device: string): Promise<void> {
    this.stop();
    this.isRefused = false;
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: device ? { deviceId: { exact: device } } : true });
    } catch {
      this.isRefused = true;
      return;
    }
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      this.levelDb = 10 * Math.log10(sum / samples.length + 1e-10);
    }, LOOKS_EVERY_MS);
    this.#close = () => {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      void context.close();
    };
    this.isRunning = true;
  }

  stop(): void {
    this.#close?.();
    this.#close = undefined;
    this.isRunning = false;
    this.levelDb = -Infinity;
  }
}
