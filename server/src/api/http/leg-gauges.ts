import { Gauge, type Registry } from 'prom-client';
import type { ThreadSnapshot } from '#media/worker/protocol.ts';

type LegFigures = ThreadSnapshot['rtp'][number];

/** What is told of every leg; a figure that is not known yet is left out. */
const FIGURES: { name: string; help: string; read: (leg: LegFigures) => number | undefined }[] = [
  { name: 'tocsin_leg_mos', help: 'Estimated mean opinion score, 1 to 4.5', read: ({ mos }) => mos },
  {
    name: 'tocsin_leg_loss_percent',
    help: 'Packets of the last seconds that did not come',
    read: ({ lossPercent }) => lossPercent,
  },
  { name: 'tocsin_leg_jitter_ms', help: 'Interarrival jitter (RFC 3550)', read: ({ jitterMs }) => jitterMs },
  { name: 'tocsin_leg_round_trip_ms', help: 'From RTCP', read: ({ roundTripMs }) => roundTripMs },
  { name: 'tocsin_leg_buffered_ms', help: 'Sound in the jitter buffer', read: ({ bufferedMs }) => bufferedMs },
  {
    name: 'tocsin_leg_injected_packets',
    help: 'Refused as not the peer’s',
    read: ({ packetsInjected }) => packetsInjected,
  },
];

/** The quality of every leg, and whether the media thread keeps its time. */
export function legGauges(registry: Registry, snapshot: () => Promise<ThreadSnapshot>): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge, now: ThreadSnapshot) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        // Without a media thread there is nothing to tell, and the rest of the figures are wanted all the more.
        const now = await snapshot().catch(() => undefined);
        this.reset();
        if (now) read(this, now);
      },
    });
  for (const { name, help, read } of FIGURES)
    gauge(name, help, ['leg', 'label', 'codec'], (it, { rtp }) => {
      for (const leg of rtp) {
        const value = leg.codec === undefined ? undefined : read(leg);
        if (value !== undefined) it.set({ leg: leg.id, label: leg.label, codec: leg.codec! }, value);
      }
    });
  gauge('tocsin_media_legs', 'RTP ports open', [], (it, { rtp }) => it.set(rtp.length));
  gauge('tocsin_media_skipped_ticks', 'Frames of 20 ms that the media thread came too late for', [], (it, now) =>
    it.set(now.skippedTicks),
  );
  gauge('tocsin_media_mean_tick_ms', 'Work of the media thread in a frame of 20 ms', [], (it, now) =>
    it.set(now.meanTickMs),
  );
}
