/** Keys that are down and mean something while they are. */
class HeldKeys {
  /** The number of the plan whose Shift and digit are held. */
  plan = $state<number | undefined>();
}

export const heldKeys = new HeldKeys();
