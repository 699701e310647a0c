/**
 * The floor of one half-duplex channel, in the words of MCPTT floor control (3GPP TS 24.380 §6.3.4, the basic floor
 * control operation towards the floor: "Floor Idle", "Floor Taken", "pending Floor Revoke").
 * Two things are ours: the air is a talker that asks nobody (`receiving`), and the hang time is a state, as the
 * carrier is still up in it.
 * Read a row as "in this state, on this input, go there and do that". An input that has no row changes nothing.
 */
export type FloorState =
  /** Nobody speaks. */
  | 'idle'
  /** Someone of ours speaks. */
  | 'taken'
  /** The receiver hears someone in the field. */
  | 'receiving'
  /** One of ours speaks although the receiver hears someone: an emergency. */
  | 'talking-over'
  /** A transmission has ended and the channel is kept for the answer. */
  | 'hanging';

export type FloorInput =
  /** Someone asks who may not take the floor from who has it. */
  | 'request'
  /** Someone asks whose priority is above that of whoever speaks. */
  | 'pre-empting-request'
  /** It is the turn of the first in the queue. */
  | 'turn'
  /** The talker lets go. */
  | 'release'
  /** T2 of TS 24.380, "stop talking": the talk-time limit. */
  | 'limit'
  | 'air-opened'
  | 'air-closed'
  | 'hang-over'
  /** The channel's gateway, or the call to it, is gone. */
  | 'lost';

export type FloorAction =
  | 'grant'
  | 'queue-or-deny'
  | 'revoke-pre-empted'
  | 'revoke-time-limit'
  | 'revoke-lost'
  | 'end-released'
  | 'start-hang'
  | 'stop-hang'
  /** The first in the queue has his turn, if there is one. */
  | 'next'
  | 'drop-queue';

export const FLOOR_TABLE: Record<FloorState, Partial<Record<FloorInput, [FloorState, ...FloorAction[]]>>> = {
  idle: {
    request: ['taken', 'grant'],
    'pre-empting-request': ['taken', 'grant'],
    turn: ['taken', 'grant'],
    'air-opened': ['receiving'],
    lost: ['idle', 'drop-queue'],
  },
  taken: {
    request: ['taken', 'queue-or-deny'],
    'pre-empting-request': ['taken', 'revoke-pre-empted', 'grant'],
    release: ['hanging', 'end-released', 'start-hang', 'next'],
    limit: ['hanging', 'revoke-time-limit', 'start-hang', 'next'],
    'air-opened': ['talking-over'],
    lost: ['idle', 'revoke-lost', 'drop-queue'],
  },
  receiving: {
    request: ['receiving', 'queue-or-deny'],
    'pre-empting-request': ['talking-over', 'grant'],
    'air-closed': ['hanging', 'start-hang', 'next'],
    lost: ['idle', 'drop-queue'],
  },
  'talking-over': {
    request: ['talking-over', 'queue-or-deny'],
    'pre-empting-request': ['talking-over', 'revoke-pre-empted', 'grant'],
    release: ['receiving', 'end-released'],
    limit: ['receiving', 'revoke-time-limit'],
    'air-closed': ['taken'],
    lost: ['idle', 'revoke-lost', 'drop-queue'],
  },
  hanging: {
    request: ['taken', 'stop-hang', 'grant'],
    'pre-empting-request': ['taken', 'stop-hang', 'grant'],
    turn: ['taken', 'stop-hang', 'grant'],
    'air-opened': ['receiving', 'stop-hang'],
    'hang-over': ['idle'],
    lost: ['idle', 'stop-hang', 'drop-queue'],
  },
};
