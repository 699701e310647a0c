/**
 * The server's time. Ages on the screen are told by the server's clock, whatever this machine believes, and step all
 * together on its full second.
 */
class Clock {
  /** The server's time at the last full second, in milliseconds. */
  now = $state(Math.floor(Date.now() / 1000) * 1000);
  #aheadMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The server's time to the millisecond; does not redraw anything. */
  exact(): number {
    return Date.now() + this.#aheadMs;
  }

  /** A hello said what time it is at the server. */
  correct(serverTime: number): void {
    this.#aheadMs = serverTime - Date.now();
    this.#tick();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    clearTimeout(this.#timer);
    const exact = this.exact();
    this.now = Math.floor(exact / 1000) * 1000;
    this.#timer = setTimeout(() => this.#tick(), 1005 - (exact % 1000));
  }
}

export const clock = new Clock();
