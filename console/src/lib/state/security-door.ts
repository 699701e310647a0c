import type { SecurityView } from '@tocsin/protocol/security.ts';
import { ask, type Answered } from './rest-door.ts';

/** Who tries the telephone side's doors. */
export function readSecurity(): Promise<Answered<SecurityView>> {
  return ask('GET', '/api/security');
}

/** Lets a source be heard again. */
export function releaseSource(source: string): Promise<Answered<unknown>> {
  return ask('POST', '/api/security/release', { source });
}
