import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import { ask, type Answered } from './rest-door.ts';

/** What the owner of a phone wants done with calls to it. */
export function readCallSettings(account: string): Promise<Answered<CallSettings>> {
  return ask('GET', `/api/accounts/${encodeURIComponent(account)}/call-settings`);
}
