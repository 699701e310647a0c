import type { CheckView } from '@tocsin/protocol/views.ts';
import type { Listenable } from '#kernel/emitter.ts';

/** The morning checks, as everybody but their maker sees them. */
export interface Checks extends Listenable<{ changed: [CheckView] }> {
  readonly latest: CheckView | undefined;
  /** Begins a check. @throws DispatchError CHECK_RUNNING */
  start(by: string): CheckView;
  /** Newest first. */
  list(): Promise<Omit<CheckView, 'items'>[]>;
  /** One check beside the one before it. @throws DispatchError NOT_FOUND */
  get(id: string): Promise<CheckView>;
}
