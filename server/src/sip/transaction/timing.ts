/** The times of RFC 3261 table 4, in milliseconds. */
export interface Timing {
  /** Round-trip estimate. */
  t1: number;
  /** The longest interval between retransmissions of anything but an INVITE. */
  t2: number;
  /** The longest a message stays in the network. */
  t4: number;
}

export const TIMING: Timing = { t1: 500, t2: 4000, t4: 5000 };

/** How long a sender keeps trying: timers B, F, H, J, L and M. */
export const giveUpMs = ({ t1 }: Timing): number => 64 * t1;

// Timer D outlives the peer's own 32 s of resending, so a late 486 finds us still here to ACK it (RFC 3261 §17.1.1.2).
export const TIMER_D_MS = 32_000;
