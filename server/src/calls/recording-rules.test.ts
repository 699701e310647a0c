import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { Calendar } from '@tocsin/protocol/routing.ts';
import { RecordingSettings } from '@tocsin/protocol/recording.ts';
import { decideRecording, type RecordableTalk } from './recording-rules.ts';

const office = Calendar.parse({
  id: 'office',
  name: { zh: '上班' },
  weekly: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }],
});
/** Wednesday, 10:00 and 23:00 in Shanghai. */
const MORNING = Date.parse('2026-11-25T02:00Z');
const NIGHT = Date.parse('2026-11-25T15:00Z');

function decide(settings: z.input<typeof RecordingSettings>, talk: Partial<RecordableTalk>, nowMs = MORNING): string {
  const { mode, rule, sides } = decideRecording(
    { of: 'call', ...talk },
    {
      site: { recording: RecordingSettings.parse(settings), calendars: [office], timeZone: 'Asia/Shanghai' },
      peopleOfGroup: (id) => (id === 'leaders' ? [{ id: 'wang' } as never] : []),
    },
    nowMs,
  );
  return [mode, rule, sides === 'apart' ? sides : undefined].filter(Boolean).join(' ');
}
const name = { zh: '规则' };

test('with no rule everything is recorded, or what the site says', () => {
  assert.equal(decide({}, {}), 'always');
  assert.equal(decide({ otherwise: 'on-demand' }, {}), 'on-demand');
});

test('the first rule that fits counts: account, trunk, group, number, hour, conference', () => {
  const rules = [
    { id: 'union', name, when: { account: ['1009'] }, mode: 'never' as const },
    { id: 'leaders', name, when: { group: ['leaders'] }, mode: 'on-demand' as const },
    {
      id: 'line',
      name,
      when: { trunk: ['city'], outside: 'office' },
      mode: 'always' as const,
      sides: 'apart' as const,
    },
    { id: 'line-day', name, when: { trunk: ['city'] }, mode: 'voice' as const },
    { id: 'room', name, when: { of: ['conference' as const], conference: ['8001'] }, mode: 'voice' as const },
    { id: 'hotline', name, when: { called: ['123xx'], calling: ['13.'], during: 'office' }, mode: 'always' as const },
  ];
  const settings = { rules, otherwise: 'on-demand' as const };
  assert.equal(decide(settings, { accounts: ['1002', '1009'] }), 'never union');
  assert.equal(decide(settings, { people: ['li', 'wang'] }), 'on-demand leaders');
  assert.equal(decide(settings, { trunk: 'city' }, NIGHT), 'always line apart');
  assert.equal(decide(settings, { trunk: 'city' }, MORNING), 'voice line-day');
  assert.equal(decide(settings, { of: 'conference', conference: '8001' }), 'voice room');
  assert.equal(decide(settings, { conference: '8001' }), 'on-demand', 'a call is no conference');
  assert.equal(decide(settings, { caller: '13800000000', called: '12345' }), 'always hotline');
  assert.equal(decide(settings, { caller: '13800000000', called: '12345' }, NIGHT), 'on-demand');
  assert.equal(decide(settings, { caller: '1002', called: '12345' }), 'on-demand');
});
