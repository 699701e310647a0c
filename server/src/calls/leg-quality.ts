import type { LegQualityView } from '@tocsin/protocol/views.ts';
import type { RtpPort } from '#media/rtp-port.ts';

const tenths = (value: number) => Math.round(value * 10) / 10;

/** How well this leg is heard; undefined before anything came, or when it has ended meanwhile. */
export async function measureQuality(port: RtpPort): Promise<LegQualityView | undefined> {
  const found = await port.statistics().catch(() => undefined);
  if (!found || found.codec === undefined || found.packetsReceived === 0) return undefined;
  const { codec, isSecured, lossPercent, jitterMs, roundTripMs, mos } = found;
  return {
    codec,
    isSecured,
    lossPercent: tenths(lossPercent),
    jitterMs: tenths(jitterMs),
    ...(roundTripMs === undefined ? {} : { roundTripMs: tenths(roundTripMs) }),
    ...(mos === undefined ? {} : { mos: tenths(mos) }),
  };
}
