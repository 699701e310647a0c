import type { WatchedSource } from '@tocsin/protocol/video.ts';

export interface ViewingListener {
  sources(sources: WatchedSource[]): void;
  ended(because: string): void;
}

/** Hands what the server says of a viewing to the one who watches it. */
export class ViewerEvents {
  readonly #listeners = new Map<string, ViewingListener>();

  listen(viewing: string, listener: ViewingListener): () => void {
    this.#listeners.set(viewing, listener);
    return () => this.#listeners.delete(viewing);
  }

  sources(viewing: string, sources: WatchedSource[]): void {
    this.#listeners.get(viewing)?.sources(sources);
  }

  ended(viewing: string, because: string): void {
    this.#listeners.get(viewing)?.ended(because);
  }
}

export const viewerEvents = new ViewerEvents();
