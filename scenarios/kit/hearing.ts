import type { Baresip } from './baresip.ts';
import { toneDb, type Heard } from './sound.ts';
import { until } from './wait.ts';

/** What each phone hears in the seconds that come now, taken at the same time for all. */
export async function listenFor(phones: readonly Baresip[], seconds: number): Promise<Map<Baresip, Heard>> {
  return new Map(
    await Promise.all(
      phones.map(async (phone): Promise<[Baresip, Heard]> => {
        const { samples: before, rateHz } = await phone.heard();
        const needed = before.length + Math.round(seconds * rateHz);
        const { samples } = await until(
          `${phone.options.user} hears ${seconds} s`,
          async () => {
            const heard = await phone.heard();
            return heard.samples.length >= needed && heard;
          },
          60_000,
        );
        return [phone, { rateHz, samples: samples.subarray(before.length, needed) }];
      }),
    ),
  );
}

/** A tone this loud is heard; the phones say theirs at −11 dB. */
export const HEARD_ABOVE_DB = -30;
/** A tone that is not there may leave this much by leaking from others. */
export const SILENT_BELOW_DB = -45;

/** Who hears whom, as a table of levels: a row a listener, a column a speaker. */
export function hearingTable(heard: ReadonlyMap<Baresip, Heard>, speakers: readonly Baresip[]): string {
  const rows = [...heard].map(([listener, sound]) =>
    [
      listener.options.user,
      ...speakers.map((speaker) => toneDb(sound, speaker.options.toneHz!).toFixed(0).padStart(5)),
    ].join(' '),
  );
  return [`     ${speakers.map((speaker) => speaker.options.user.padStart(5)).join(' ')}`, ...rows].join('\n');
}
