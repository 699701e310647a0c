import type { Command, CommandResult, Me } from '@tocsin/protocol/console.ts';
import type { Right } from '@tocsin/protocol/directory.ts';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { openLink } from '#link/open-link.ts';
import type { Link, LinkState } from '#link/link.ts';
import { viewerEvents } from '#media/viewer-events.ts';
import { SvelteMap } from 'svelte/reactivity';
import { clock } from './clock.svelte.ts';
import { Directory } from './directory.ts';
import { rememberSiteName } from './last-site.ts';
import { emptyLive, takeChanges, takeSnapshot } from './live.ts';

/** Recent entries kept for "this incident's record" panels; older ones come from GET /api/timeline. */
const RECENT_ENTRIES_KEPT = 500;

/** The live nouns: `live.alarms.get(id)`, `live.presence.values()`. Only the link writes here. */
export const live = emptyLive();

/** Level in dB of who speaks, by participant; volatile. */
export const levels = new SvelteMap<string, number>();

class Session {
  me = $state.raw<Me | undefined>();
  directory = $state.raw(new Directory());
  link = $state.raw<LinkState>({ kind: 'opening' });
  /** The newest entries of the timeline since this page was opened, newest last. */
  recent = $state.raw<TimelineEntry[]>([]);

  /** The first hello has come: there is something to show. */
  get isReady(): boolean {
    return this.me !== undefined;
  }

  get isLost(): boolean {
    return this.link.kind === 'lost';
  }

  may(right: Right): boolean {
    return this.me?.rights.includes(right) ?? false;
  }
}

export const session = new Session();

let link: Link | undefined;

/** Opens the console's one link; the returned function closes it. */
export function openSession(): () => void {
  link ??= openLink(
    {
      state: (state) => {
        session.link = state;
      },
      hello: (hello) => {
        clock.correct(hello.serverTime);
        session.directory = new Directory(hello.site);
        rememberSiteName(hello.site.name);
        takeSnapshot(live, hello.live);
        session.me = hello.me;
      },
      changes: (changes) => takeChanges(live, changes),
      entries: (entries) => {
        session.recent = [...session.recent, ...entries].slice(-RECENT_ENTRIES_KEPT);
      },
      levels: (_conference, now) => {
        for (const { participant, levelDb } of now) levels.set(participant, levelDb);
      },
      feedSources: (viewing, sources) => viewerEvents.sources(viewing, sources),
      viewingEnded: (viewing, because) => viewerEvents.ended(viewing, because),
    },
    () => clock.exact(),
  );
  return () => {
    link?.close();
    link = undefined;
    session.me = undefined;
    session.link = { kind: 'opening' };
    session.recent = [];
    clock.stop();
  };
}

/** Sends a command and brings its outcome; most callers want `act`, which also tells the dispatcher. */
export function command(what: Command): Promise<CommandResult> {
  return link?.command(what) ?? Promise.resolve({ ok: false, code: 'LINK_LOST', message: '' });
}

/** One request of video signalling on the console's socket. */
export function askVideo(request: unknown): Promise<CommandResult> {
  return link?.video(request) ?? Promise.resolve({ ok: false, code: 'LINK_LOST', message: '' });
}
