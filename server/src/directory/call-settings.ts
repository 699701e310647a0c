import { CallSettings, type CallSettingsChange } from '@tocsin/protocol/call-settings.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';

const NONE: CallSettings = CallSettings.parse({});

/** What every account wants done with its calls. Read from the database at the start, written there at each change. */
export class CallSettingsBook extends Emitter<{ changed: [account: string] }> {
  readonly #settings = new Map<string, CallSettings>();
  readonly #store: Store;
  readonly #knows: (account: string) => boolean;
  readonly #log: Log;

  constructor(parts: { store: Store; knows: (account: string) => boolean; log: Log }) {
    super();
    this.#store = parts.store;
    this.#knows = parts.knows;
    this.#log = parts.log;
  }

  async load(): Promise<void> {
    const rows = await this.#store.query<{ account: string; settings: unknown }>(
      'SELECT account, settings FROM directory_call_settings',
    );
    for (const { account, settings } of rows) {
      const parsed = CallSettings.safeParse(settings);
      if (parsed.success) this.#settings.set(account, parsed.data);
      else this.#log.warn('call settings that cannot be read are left out', { account });
    }
  }

  get(account: string): CallSettings {
    return this.#settings.get(account) ?? NONE;
  }

  /** In force at once; resolves when it is on disk. @throws DispatchError ENDPOINT_UNKNOWN */
  async change(account: string, change: CallSettingsChange): Promise<CallSettings> {
    if (!this.#knows(account)) throw new DispatchError('ENDPOINT_UNKNOWN', account);
    const settings = applyChange(this.get(account), change);
    this.#settings.set(account, settings);
    this.emit('changed', account);
    await this.#store.query(
      `INSERT INTO directory_call_settings (account, settings) VALUES ($1, $2)
       ON CONFLICT (account) DO UPDATE SET settings = excluded.settings`,
      [account, JSON.stringify(settings)],
    );
    return settings;
  }
}

/** The settings with a change made to them. @throws ZodError when they become more than is allowed */
export function applyChange(settings: CallSettings, change: CallSettingsChange): CallSettings {
  const { followMe, speedDial, ...plain } = change;
  const merged: Record<string, unknown> = { ...settings, ...plain };
  for (const [key, value] of Object.entries(merged)) if (value === null) delete merged[key];
  const codes = Object.entries({ ...settings.speedDial, ...speedDial }).filter(([, dial]) => dial !== null);
  return CallSettings.parse({
    ...merged,
    followMe: { ...settings.followMe, ...followMe },
    speedDial: Object.fromEntries(codes),
  });
}
