// One line a step: what it is, how far it is, how long it took. A step that had nothing to do leaves no line.
const REDRAW_EVERY_MS = 1000;
const REPEAT_EVERY_MS = 15_000; // where lines cannot be redrawn: a file, a CI log

/** Ends the bootstrap with a sentence for the reader, without a stack. */
export class CannotGoOn extends Error {}

/** The step did not work, but the rest can run without. */
export class Degraded extends Error {}

/**
 * @template T
 * @param {string} title
 * @param {(progress: (text: string) => void) => T | Promise<T>} work calls `progress` when it begins something that takes time
 * @returns {Promise<T>} undefined too when the step is degraded
 */
export async function step(title, work) {
  const line = new Line(title);
  try {
    const result = await work((text) => line.progress(text));
    line.end('✓');
    return result;
  } catch (error) {
    if (error instanceof Degraded) {
      line.end('!', error.message);
      return /** @type {T} */ (undefined);
    }
    line.end('✗');
    throw error;
  }
}

class Line {
  #title;
  #text = '';
  #begun = performance.now();
  #shownAt = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {string} title */
  constructor(title) {
    this.#title = title;
  }

  /** @param {string} text */
  progress(text) {
    this.#text = text;
    if (this.#timer) return;
    this.#timer = setInterval(() => this.#draw(), REDRAW_EVERY_MS);
    this.#draw();
  }

  /** @param {string} mark @param {string} [reason] */
  end(mark, reason) {
    clearInterval(this.#timer);
    if (this.#timer === undefined && mark === '✓') return;
    const took = this.#timer === undefined ? '' : `  ${this.#seconds()} s`;
    process.stdout.write(`${startOfLine()}${mark} ${this.#title}${reason ? `: ${reason}` : ''}${took}\n`);
  }

  #draw() {
    if (process.stdout.isTTY) {
      process.stdout.write(`${startOfLine()}· ${this.#title}: ${this.#text}  ${this.#seconds()} s`);
    } else if (this.#shownAt === 0 || performance.now() - this.#shownAt > REPEAT_EVERY_MS) {
      this.#shownAt = performance.now();
      process.stdout.write(`· ${this.#title}: ${this.#text}\n`);
    }
  }

  #seconds() {
    return ((performance.now() - this.#begun) / 1000).toFixed(0);
  }
}

function startOfLine() {
  return process.stdout.isTTY ? '\r\x1b[K' : '';
}
