import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import { conferenceOnBoard, glyphOf, groupParties } from './parties.ts';

const party = (id: string, state: ParticipantView['state'], more: Partial<ParticipantView> = {}) =>
  ({ id, state, number: id, isSpeaking: false, ...more }) as ParticipantView;
const conference = (id: string, openedAt: number, participants: ParticipantView[] = []) =>
  ({ id, openedAt, participants }) as unknown as ConferenceView;

test('who is not reached stands above who is, in the order of joining', () => {
  const groups = groupParties(
    conference('c', 0, [
      party('a', 'in'),
      party('b', 'refused'),
      party('c', 'held'),
      party('d', 'ringing'),
      party('e', 'left'),
    ]),
  );
  assert.deepEqual(
    groups.missing.map(({ id }) => id),
    ['b', 'd'],
  );
  assert.deepEqual(
    groups.present.map(({ id }) => id),
    ['a', 'c'],
  );
  assert.deepEqual(
    groups.gone.map(({ id }) => id),
    ['e'],
  );
});

test('only who is in can be shown as speaking', () => {
  assert.equal(glyphOf(party('a', 'in', { isSpeaking: true })), 'speaking');
  assert.equal(glyphOf(party('a', 'held', { isSpeaking: true })), 'held');
});

test('the board shows the conference chosen, else the one this seat is in, else the newest', () => {
  const mine = conference('mine', 1, [party('1003', 'in')]);
  const newest = conference('newest', 2);
  assert.equal(conferenceOnBoard([mine, newest], undefined, '1003')?.id, 'mine');
  assert.equal(conferenceOnBoard([mine, newest], 'newest', '1003')?.id, 'newest');
  assert.equal(conferenceOnBoard([mine, newest], 'gone', undefined)?.id, 'newest');
  assert.equal(conferenceOnBoard([], undefined, undefined), undefined);
});
