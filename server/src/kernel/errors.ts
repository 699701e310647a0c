/**
 * Every failure that an operator can see: its code, and the sentence that says what happened in plain English.
 * `docs/failures.md` has a line for each; the console has the Chinese beside it.
 */
export const FAILURES = {
  // doors
  LOGIN_FAILED: 'The user name or the password is wrong',
  LOGIN_THROTTLED: 'Too many failed log-ins from this address; try again later',
  SESSION_UNKNOWN: 'You are not logged in, or your session has ended',
  RIGHT_MISSING: 'Your role does not have the right to do this',
  REQUEST_MALFORMED: 'The request is malformed',
  NOT_FOUND: 'There is no such thing',
  TOO_MANY_REQUESTS: 'Too many requests at once; wait for the earlier ones',
  TOO_LARGE: 'The request is larger than allowed',
  // plans and runs
  PLAN_UNKNOWN: 'There is no plan with this name',
  PLAN_INVALID: 'The plan document has errors',
  RUN_UNKNOWN: 'There is no run with this id',
  RUN_ENDED: 'The run has already ended',
  RUN_LIMIT: 'The limit of runs at the same time is reached',
  // calls
  CALL_UNKNOWN: 'There is no such call',
  CALL_STATE: 'The call is not in a state that allows this',
  PARKING_FULL: 'Every park slot is taken, or the one that was asked for',
  RECORDING_FORBIDDEN: 'A rule of the site decides about this recording, and it cannot be changed here',
  RECORDING_FAILED: 'The recording cannot be written',
  CONFERENCE_UNKNOWN: 'There is no such conference',
  CONFERENCE_FULL: 'The conference has as many participants as it can hold',
  CONFERENCE_JOINED: 'These conferences hear each other already',
  SUPERVISION_UNKNOWN: 'Nobody is listening in there any more',
  PARTICIPANT_UNKNOWN: 'There is no such participant',
  ENDPOINT_UNKNOWN: 'Nobody is reachable under this number',
  ENDPOINT_UNREGISTERED: 'The phone is not registered',
  TRUNK_FULL: 'Every line of the trunk is in use',
  SEATS_EXHAUSTED: 'Every seat of the site is taken',
  LINES_EXHAUSTED: 'Every line of the system is in use',
  MEDIA_PORTS_EXHAUSTED: 'Every media port is in use',
  MEDIA_FORMAT_UNSUPPORTED: 'The two sides share no audio format',
  WEBRTC_UNAVAILABLE: 'Browser phones and video are not ready yet',
  BLACKLIST_FULL: 'The blacklist is as long as it can be; take callers off it first',
  FLOOR_TAKEN: 'Someone else is speaking on this channel',
  CHANNEL_UNAVAILABLE: 'The channel is not connected',
  // people and resources
  PERSON_UNKNOWN: 'There is no such person',
  ZONE_UNKNOWN: 'There is no such PA zone',
  ZONE_UNAVAILABLE: 'The PA zone is not connected',
  CHANNEL_UNKNOWN: 'There is no such channel',
  DEVICE_UNKNOWN: 'There is no such device',
  FEED_UNKNOWN: 'There is no such video feed, or its link has expired',
  FEED_CLAIMED: 'The link has already been opened on another phone',
  FEED_LIMIT: 'The limit of video feeds at the same time is reached',
  VIEWING_LIMIT: 'As many people watch this feed as can',
  RECORDING_LIMIT: 'The limit of video recordings at the same time is reached',
  CAMERA_UNKNOWN: 'There is no such camera',
  CAMERA_TAKEN: 'Somebody who stands higher, or was earlier, moves this camera now',
  CAMERA_REFUSED: 'The camera does not do that',
  SNAPSHOT_FAILED: 'No whole picture came that could be kept',
  // alarms and incidents
  ALARM_UNKNOWN: 'There is no such alarm',
  ALARM_STATE: 'The alarm is not in a state that allows this',
  SHELF_UNKNOWN: 'Nothing with this name is shelved',
  SHELF_LIMIT: 'As many alarm sources as can be are shelved; take some back first',
  REPLAY_RUNNING: 'A recorded flood is being played already',
  REPLAY_EMPTY: 'There are no readings of that time to play',
  WARNING_NONE: 'This incident has no warning that could be cancelled',
  INCIDENT_UNKNOWN: 'There is no such incident',
  INCIDENT_CLOSED: 'The incident has been closed already',
  INCIDENT_LIMIT: 'As many incidents as can be kept are open; close some first',
  // engine room
  GATEWAY_OFFLINE: 'The gateway is not connected',
  FAULT_REFUSED: 'The gateway does not play this fault',
  CHECK_RUNNING: 'The morning check is running already',
  TEXT_WORD_MISSING: 'The template has a word in braces that nobody has filled in',
  TEXT_QUEUE_FULL: 'As many text messages as can be kept are waiting already',
  SMS_PROVIDER_DOWN: 'The short-message centre does not answer',
  SPEECH_UNAVAILABLE: 'No text-to-speech voice is available for this language',
  DATABASE_UNAVAILABLE: 'The database does not answer',
  DISK_FULL: 'The disk is full; recordings and the timeline cannot be written',
  PORT_IN_USE: 'A port that Tocsin needs is in use by another program',
  CONFIG_INVALID: 'The configuration has errors',
  INTERNAL: 'Something went wrong inside; the engineers’ log has the detail',
} as const;

export type FailureCode = keyof typeof FAILURES;

/** An expected refusal with a code and the user's words; the doors turn it into an answer. */
export class DispatchError extends Error {
  override readonly name = 'DispatchError';
  readonly code: FailureCode;

  constructor(code: FailureCode, detail?: string, options?: ErrorOptions) {
    super(detail ? `${FAILURES[code]}: ${detail}` : FAILURES[code], options);
    this.code = code;
  }
}
