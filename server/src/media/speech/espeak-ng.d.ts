/** What is used of the package, which brings no types. */
declare module '@echogarden/espeak-ng-emscripten' {
  export interface EspeakWorker {
    /** 0 when there is such a voice. */
    set_voice(name: string): number;
    set_rate(wordsPerMinute: number): void;
    get_samplerate(): number;
    /** Calls `receive` with pieces of 16-bit sound until it returns true. */
    synthesize(text: string, receive: (audio: Int16Array | undefined) => boolean): void;
  }
  const load: (options: object) => Promise<{ eSpeakNGWorker: new () => EspeakWorker }>;
  export default load;
}
