/** The day in a place: `2026-11-22` for counting, and `1122` for saying. */
export function calendarDay(at: number, timeZone?: string): { day: string; monthAndDay: string } {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    at,
  );
  const [, month, date] = day.split('-') as [string, string, string];
  return { day, monthAndDay: month + date };
}
