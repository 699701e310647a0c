import type { Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** Who has moved a camera has it to himself for so long after his last order. */
export const STEERING_LEASE_MS = 10_000;

interface Steerer {
  user: string;
  rank: number;
  lease: Timer;
}

/** Who moves which camera: whoever was first, until he has let go for a while or somebody who stands higher takes it. */
export class Steering extends Emitter<{ changed: [camera: string] }> {
  readonly #steerers = new Map<string, Steerer>();
  readonly #desk: Desk;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  of(camera: string): string | undefined {
    return this.#steerers.get(camera)?.user;
  }

  /**
   * @returns whether he had it already
   * @throws DispatchError CAMERA_TAKEN
   */
  take(camera: string, { user }: Actor): boolean {
    const { directory, clock } = this.#desk;
    const { users, roles } = directory.site;
    const role = users.find(({ id }) => id === user)?.role;
    const rank = roles.find(({ id }) => id === role)?.rank ?? 0;
    const holder = this.#steerers.get(camera);
    const isHis = holder?.user === user;
    if (holder && !isHis && holder.rank >= rank)
      throw new DispatchError('CAMERA_TAKEN', users.find(({ id }) => id === holder.user)?.name.zh);
    holder?.lease.cancel();
    const lease = clock.after(STEERING_LEASE_MS, () => {
      this.#steerers.delete(camera);
      this.emit('changed', camera);
    });
    this.#steerers.set(camera, { user, rank, lease });
    if (!isHis) this.emit('changed', camera);
    return isHis;
  }
}

const all = new WeakMap<Desk, Steering>();

export function steeringOf(desk: Desk): Steering {
  const known = all.get(desk) ?? new Steering(desk);
  all.set(desk, known);
  return known;
}

export const steererOf = (camera: string, desk: Desk): string | undefined => steeringOf(desk).of(camera);
