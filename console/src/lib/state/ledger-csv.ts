import type { LedgerState, RunView } from '@tocsin/protocol/views.ts';

/** The ledger as a table for a spreadsheet: a line a row and channel, times in ISO 8601. */
export function ledgerCsv(
  run: RunView,
  names: { personName(id: string): string; unitName(id: string): string; stateName(state: LedgerState): string },
): string {
  const lines = [
    ['person', 'name', 'unit', 'channel', 'state', 'state in words', 'at', 'attempts', 'detail', 'stands in for'],
  ];
  for (const row of run.ledger) {
    lines.push([
      row.person,
      names.personName(row.person),
      names.unitName(row.person),
      row.channel,
      row.state,
      names.stateName(row.state),
      new Date(row.at).toISOString(),
      String(row.attempts),
      row.detail ?? '',
      row.standsInFor ?? '',
    ]);
  }
  return lines.map((line) => line.map(quoted).join(',')).join('\r\n');
}

/** RFC 4180; a cell that a spreadsheet would take for a formula is made text. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
