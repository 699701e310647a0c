import { z } from 'zod';
import { DispatchError, FAILURES, type FailureCode } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';

/** A refusal as the doors give it out. */
export interface Complaint {
  status: number;
  code: FailureCode;
  message: string;
}

/** HTTP statuses of refusals that are not simply 409. */
const STATUS: Partial<Record<FailureCode, number>> = {
  LOGIN_FAILED: 401,
  SESSION_UNKNOWN: 401,
  LOGIN_THROTTLED: 429,
  RIGHT_MISSING: 403,
  REQUEST_MALFORMED: 400,
  PLAN_INVALID: 422,
  CONFIG_INVALID: 422,
  TOO_LARGE: 413,
  NOT_FOUND: 404,
  PLAN_UNKNOWN: 404,
  RUN_UNKNOWN: 404,
  CALL_UNKNOWN: 404,
  CONFERENCE_UNKNOWN: 404,
  SUPERVISION_UNKNOWN: 404,
  PARTICIPANT_UNKNOWN: 404,
  PERSON_UNKNOWN: 404,
  ZONE_UNKNOWN: 404,
  CHANNEL_UNKNOWN: 404,
  DEVICE_UNKNOWN: 404,
  SHELF_UNKNOWN: 404,
  FEED_UNKNOWN: 404,
  ALARM_UNKNOWN: 404,
  INCIDENT_UNKNOWN: 404,
  DATABASE_UNAVAILABLE: 503,
  DISK_FULL: 507,
  RECORDING_FAILED: 507,
  WEBRTC_UNAVAILABLE: 503,
  CAMERA_UNKNOWN: 404,
  CAMERA_REFUSED: 502,
  SNAPSHOT_FAILED: 502,
  GATEWAY_OFFLINE: 503,
  INTERNAL: 500,
};

/** Turns whatever was thrown into the user's words. What is not expected is logged whole and told as INTERNAL. */
export function complain(error: unknown, log: Log): Complaint {
  if (error instanceof DispatchError)
    return { status: STATUS[error.code] ?? 409, code: error.code, message: error.message };
  if (error instanceof z.ZodError) {
    const detail = error.issues.map(({ path, message }) => `${path.join('.') || 'the message'}: ${message}`).join('; ');
    return { status: 400, code: 'REQUEST_MALFORMED', message: `${FAILURES.REQUEST_MALFORMED}: ${detail}` };
  }
  log.error('unexpected failure', { error });
  return { status: 500, code: 'INTERNAL', message: FAILURES.INTERNAL };
}
