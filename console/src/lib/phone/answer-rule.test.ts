import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersItself } from './answer-rule.ts';

const headers = (all: Record<string, string>) => (name: string) => all[name];

test('a call that the dispatcher has asked for answers itself', () => {
  assert.ok(answersItself(headers({ 'X-Tocsin-Answer': 'auto' })));
  assert.ok(answersItself(headers({ 'Call-Info': '<sip:tocsin>;answer-after=0' })));
  assert.ok(answersItself(headers({ 'Alert-Info': '<http://tocsin.invalid>;info=alert-autoanswer;delay=0' })));
  assert.ok(answersItself(headers({ 'Answer-Mode': 'Auto' })));
});

test('any other call rings', () => {
  assert.equal(answersItself(headers({})), false);
  assert.equal(
    answersItself(headers({ 'Call-Info': '<sip:x>;answer-after=5', 'Alert-Info': '<http://x/ring.wav>' })),
    false,
  );
});
