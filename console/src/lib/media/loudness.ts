/** Measures how loud a track is, ten times a second; the returned function stops. dBFS, −100 for silence. */
export function measureLoudness(track: MediaStreamTrack, tell: (levelDb: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    tell(sum === 0 ? -100 : 10 * Math.log10(sum / samples.length));
  }, 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}
