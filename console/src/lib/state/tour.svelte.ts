const REMEMBERED_AS = 'tocsin.tour';

/** How far someone has come in the first minute; remembered in this browser. */
class Tour {
  isFolded = $state(false);
  isBannerClosed = $state(false);
  hasTriedHeadset = $state(false);
  hasReplayed = $state(false);

  constructor() {
    try {
      Object.assign(this, JSON.parse(localStorage.getItem(REMEMBERED_AS) ?? '{}'));
    } catch {
      // A new start.
    }
  }

  fold(): void {
    this.isFolded = true;
    this.#keep();
  }

  triedHeadset(): void {
    this.hasTriedHeadset = true;
    this.#keep();
  }

  replayed(): void {
    this.hasReplayed = true;
    this.#keep();
  }

  closeBanner(): void {
    this.isBannerClosed = true;
    this.#keep();
  }

  #keep(): void {
    const { isFolded, isBannerClosed, hasTriedHeadset, hasReplayed } = this;
    try {
      localStorage.setItem(REMEMBERED_AS, JSON.stringify({ isFolded, isBannerClosed, hasTriedHeadset, hasReplayed }));
    } catch {
      // Then it is shown again.
    }
  }
}

export const tour = new Tour();
