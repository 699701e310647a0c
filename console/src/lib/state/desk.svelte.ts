import { SvelteSet } from 'svelte/reactivity';

/** What a key stands for, as one string so that it can be in a set: `person:li`, `group:all`, `channel:vhf-1`, `zone:dam`. */
export type Pick = `${'person' | 'group' | 'channel' | 'zone'}:${string}`;

/** What this seat has chosen on its own screen. Nothing here is a fact; facts come from the server. */
class Desk {
  /** Keys selected for the bar above them. */
  readonly picks = new SvelteSet<Pick>();
  /** Plans started from now on are drills. */
  isDrillArmed = $state(false);
  /** The channel that push-to-talk speaks on. */
  channel = $state<string | undefined>();
  /** The conference on the board, when there are several. */
  conference = $state<string | undefined>();
  /** The incident that new runs and texts belong to. */
  incident = $state<string | undefined>();
  /** The feed in the video slot. */
  feed = $state<string | undefined>();
  /** What the map should show: a press on 定位. A new object each time, so the same place twice works. */
  lookAt = $state.raw<{ latitude: number; longitude: number } | undefined>();

  toggle(pick: Pick): void {
    if (!this.picks.delete(pick)) this.picks.add(pick);
  }

  /** Ids of one kind among the picks. */
  picked(kind: 'person' | 'group' | 'channel' | 'zone'): string[] {
    const prefix = `${kind}:`;
    return [...this.picks].filter((pick) => pick.startsWith(prefix)).map((pick) => pick.slice(prefix.length));
  }
}

export const desk = new Desk();
