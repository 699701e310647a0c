import type { LedgerChannel, LedgerRow, LedgerState } from '@tocsin/protocol/views.ts';
import type { GlyphName, Tone } from '#ui/icons/glyphs.ts';

/** One person's line of the ledger: a cell a channel, or none where the plan does not use it. */
export interface LedgerLine {
  person: string;
  cells: Partial<Record<LedgerChannel, LedgerRow>>;
  isReached: boolean;
  isConfirmed: boolean;
  hasJoined: boolean;
  /** Since when it has been tried: what the sorting and "longest" go by. */
  triedSince: number;
  /** How many states it passed: the evidence. */
  evidence: number;
}

/**
 * Someone is reached when a person is known to be there. A delivered text reaches a telephone: it counts only for those whom
 * the plan reaches in no other way.
 */
const REACHED: ReadonlySet<LedgerState> = new Set(['answered', 'confirmed', 'joined', 'left']);
const CONFIRMED: ReadonlySet<LedgerState> = new Set(['confirmed', 'joined']);

export interface LedgerTable {
  notReached: LedgerLine[];
  reached: LedgerLine[];
  /** Loudspeaker zones and radio channels: no person to reach, but part of the proof. */
  resources: LedgerLine[];
  channels: LedgerChannel[];
}

/** The ledger as a table: not reached first, longest tried first; then who is reached, in the order of the plan. */
export function ledgerLines(rows: readonly LedgerRow[], isPerson: (id: string) => boolean = () => true): LedgerTable {
  const lines = new Map<string, LedgerLine>();
  const channels = new Set<LedgerChannel>();
  for (const row of rows) {
    channels.add(row.channel);
    const line = lines.get(row.person) ?? {
      person: row.person,
      cells: {},
      isReached: false,
      isConfirmed: false,
      hasJoined: false,
      triedSince: Infinity,
      evidence: 0,
    };
    // Two steps may use one channel: the cell tells what came last.
    const before = line.cells[row.channel];
    if (!before || before.at <= row.at) line.cells[row.channel] = row;
    line.isReached ||= REACHED.has(row.state) || row.history.some(({ state }) => REACHED.has(state));
    line.isConfirmed ||= CONFIRMED.has(row.state) || row.history.some(({ state }) => CONFIRMED.has(state));
    line.hasJoined ||= row.state === 'joined';
    line.triedSince = Math.min(line.triedSince, row.history[0]?.at ?? row.at);
    line.evidence += row.history.length;
    lines.set(row.person, line);
  }
  const all = [...lines.values()].filter(({ person }) => isPerson(person));
  for (const line of all) {
    const { voice, radio, sms } = line.cells;
    if (!voice && !radio && sms?.state === 'delivered') line.isReached = true;
  }
  const order: LedgerChannel[] = ['voice', 'sms', 'pa', 'radio', 'video'];
  return {
    notReached: all.filter(({ isReached }) => !isReached).sort((a, b) => a.triedSince - b.triedSince),
    reached: all.filter(({ isReached }) => isReached),
    resources: [...lines.values()].filter(({ person }) => !isPerson(person)),
    channels: order.filter((channel) => channels.has(channel)),
  };
}

const LOOKS: Record<LedgerState, { glyph: GlyphName; tone?: Tone }> = {
  queued: { glyph: 'queued' },
  sent: { glyph: 'sent' },
  delivered: { glyph: 'done' },
  rung: { glyph: 'ringing' },
  answered: { glyph: 'in' },
  confirmed: { glyph: 'done' },
  joined: { glyph: 'in' },
  refused: { glyph: 'failed' },
  busy: { glyph: 'busy' },
  unanswered: { glyph: 'unanswered' },
  unreachable: { glyph: 'failed' },
  failed: { glyph: 'failed' },
  voicemail: { glyph: 'voicemail' },
  left: { glyph: 'left' },
  replaced: { glyph: 'skipped' },
  skipped: { glyph: 'skipped' },
};

export function ledgerLook(state: LedgerState): { glyph: GlyphName; tone?: Tone } {
  return LOOKS[state];
}

/** Still being called now: stopping it makes sense, calling again does not. */
export function isBeingTried(state: LedgerState | undefined): boolean {
  return state === 'queued' || state === 'rung';
}

/** How far a call has come of 呼出 振铃 接听 按 1 确认: the number of parts that lie behind it. */
export function trackOf(row: LedgerRow): 0 | 1 | 2 | 3 | 4 {
  switch (row.state) {
    case 'confirmed':
    case 'joined':
      return 4;
    case 'answered':
    case 'left':
      return 3;
    case 'rung':
      return 1;
    case 'queued':
    case 'sent':
    case 'delivered':
      return 0;
    case 'refused':
    case 'busy':
    case 'unanswered':
    case 'voicemail':
      return 2;
    case 'unreachable':
    case 'failed':
    case 'replaced':
    case 'skipped':
      return 1;
  }
}
