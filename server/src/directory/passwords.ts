import { hash, verify, type Options } from '@node-rs/argon2';
import { DispatchError } from '#kernel/errors.ts';

export const LIMITS = {
  /** Characters; longer ones are refused unseen, so that nobody makes us hash a megabyte. */
  password: 256,
  shortestPassword: 8,
  /** Hashes under way at a time: each takes 19 MiB and a core for about 20 ms. */
  hashesAtOnce: 2,
  /** Hashes that wait; a log-in beyond is refused as throttled. */
  hashesWaiting: 64,
} as const;

/** argon2id with the parameters of OWASP's password storage sheet: 19 MiB, two passes, one lane. */
const ARGON2ID: Options = { algorithm: 2 satisfies number, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Hashes and checks passwords, a few at a time. */
export class PasswordHasher {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** Checked in place of the password of a user who does not exist, so that both take the same time. */
  readonly #nobody = hash('nobody', ARGON2ID);

  /** Encoded argon2id, salt included. */
  hash(password: string): Promise<string> {
    return this.#oneOfAFew(() => hash(password, ARGON2ID));
  }

  /**
   * Takes the same time whether the user exists or not, and whether the password is right or not.
   *
   * @throws DispatchError LOGIN_THROTTLED when too many wait
   */
  async verify(encoded: string | undefined, password: string): Promise<boolean> {
    if (this.#waiting.length >= LIMITS.hashesWaiting) throw new DispatchError('LOGIN_THROTTLED');
    const isPossible = encoded !== undefined && password.length <= LIMITS.password;
    const against = isPossible ? encoded : await this.#nobody;
    const isRight = await this.#oneOfAFew(() => verify(against, isPossible ? password : 'somebody'));
    return isRight && isPossible;
  }

  async #oneOfAFew<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= LIMITS.hashesAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // Whoever waits next takes over this place; without anyone it is free.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
