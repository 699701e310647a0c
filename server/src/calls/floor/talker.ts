/** Who asks for the floor. A higher priority takes it from a lower one. */
export interface Talker {
  /** Unique: a user's id, a participant's id, `channel:` and the id of the channel whose receiver hears someone. */
  id: string;
  /** In the user's words. */
  name: string;
  /** 0 routine, 1 a desk, 2 priority, 3 emergency: only this one talks over the air. */
  priority: 0 | 1 | 2 | 3;
}

/** Why a talker has the floor no longer. */
export type FloorEnd = 'released' | 'pre-empted' | 'time-limit' | 'channel-lost';

export type FloorRequest =
  | { kind: 'granted' }
  /** Someone else is speaking; the asker has the place `position` (1 is next) and is told when it is his turn. */
  | { kind: 'queued'; position: number; talker: string }
  /** `talker` is shown to who asked. */
  | { kind: 'denied'; talker: string; because: 'taken' | 'queue-full' };
