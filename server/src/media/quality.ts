/**
 * How a listener would rate what a leg hears: the E-model of ITU-T G.107, simplified to what a receiver can measure. Every
 * parameter that concerns telephones and rooms keeps its default, which leaves R = 93.2 less what delay (Id) and loss
 * (Ie,eff) take. On the scale of 8 kHz also for wideband codecs, whose clean sound it therefore rates too low.
 */

/** G.107 §7.1 with all defaults. */
const BEST = 93.2;
/** For G.711 with concealment, losses at random (G.113 appendix I): no impairment of its own, and its robustness. */
const LOSS_ROBUSTNESS = 25.1;

/** @returns mean opinion score, 1 (bad) to 4.5 @param delayMs one way, mouth to ear */
export function estimateMos({ lossPercent, delayMs }: { lossPercent: number; delayMs: number }): number {
  const byDelay = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3);
  const loss = Math.max(0, Math.min(100, lossPercent));
  const byLoss = (95 * loss) / (loss + LOSS_ROBUSTNESS);
  const rating = Math.max(0, Math.min(100, BEST - byDelay - byLoss));
  // G.107 annex B.
  const score = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
  return Math.max(1, Math.round(score * 100) / 100);
}
