/** A line at the bottom right with at most one act. Never for an alarm. */
export interface Toast {
  id: number;
  kind: 'information' | 'warning' | 'error';
  text: string;
  detail?: string;
  act?: { label: string; key?: string; run: () => void };
}

/** Shown at once; more wait and are counted. */
export const TOASTS_SHOWN = 3;
const TOASTS_KEPT = 20;
const INFORMATION_STAYS_MS = 6000;

class Toasts {
  all = $state.raw<Toast[]>([]);
  #next = 1;

  show(toast: Omit<Toast, 'id'>): number {
    const id = this.#next++;
    // The same sentence twice is one sentence: pressing again must not build a tower.
    const others = this.all.filter((one) => one.text !== toast.text);
    this.all = [...others, { ...toast, id }].slice(-TOASTS_KEPT);
    if (toast.kind === 'information') setTimeout(() => this.dismiss(id), INFORMATION_STAYS_MS);
    return id;
  }

  dismiss(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }

  /** Key Z: the newest act that can still be undone. */
  runNewestAct(): boolean {
    const newest = this.all.findLast((toast) => toast.act?.key === 'Z');
    if (!newest?.act) return false;
    newest.act.run();
    this.dismiss(newest.id);
    return true;
  }
}

export const toasts = new Toasts();
