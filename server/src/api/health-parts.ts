import type { Desk } from '#dispatch/desk.ts';
import type { Mqtt } from '#mqtt/client.ts';
import type { HealthParts, PartHealth } from './http/parts.ts';

/** How each part is, in the words of `/api/health`. */
export function healthParts({
  desk,
  mqtt,
  edgeProblem,
}: {
  desk: Desk;
  mqtt: Mqtt;
  edgeProblem(): string | undefined;
}): HealthParts {
  let mediaProblem: string | undefined;
  desk.engine.on('worker-died', (why) => {
    mediaProblem = why;
    // A new thread has taken over; the trouble is told for a minute, so that somebody sees it.
    desk.clock.after(60_000, () => (mediaProblem = undefined));
  });
  return {
    sip: () => trunks(desk),
    media: () => (mediaProblem ? { problem: mediaProblem } : 'ok'),
    webrtc: () => webrtc(desk),
    database: () => {
      const state = desk.store.state();
      const { problem } = desk.timeline.snapshot();
      return state === 'ok' && problem ? { problem } : state;
    },
    mqtt: () => (mqtt.state === 'connected' ? 'ok' : { problem: mqtt.state }),
    gateways: () => gateways(desk, edgeProblem()),
  };
}

function webrtc({ sfu: { state } }: Desk): PartHealth {
  switch (state.kind) {
    case 'ready':
      return 'ok';
    case 'failed':
      return { problem: state.why };
    case 'preparing':
      return { preparing: state.step, ...(state.done === undefined ? {} : { done: state.done, total: state.total }) };
  }
}

/** A trunk that is down is trouble of the telephone network's; everything else goes on. */
function trunks({ trunks: all }: Desk): PartHealth {
  const down = all.all().filter(({ health }) => health === 'down');
  if (down.length === 0) return 'ok';
  const words = down.map(({ id, why }) => (why ? `${id} (${why.en ?? why.zh})` : id));
  return { problem: `trunk down: ${words.join(', ')}` };
}

function gateways({ resources }: Desk, problem: string | undefined): PartHealth {
  if (problem !== undefined) return { problem };
  const offline = resources.gateways().filter((each) => !each.isOnline);
  return offline.length === 0 ? 'ok' : { problem: `offline: ${offline.map((each) => each.id).join(', ')}` };
}
