import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { planJsonSchema } from './plan.ts';
import { STEP_KINDS } from './steps/all.ts';

const PUBLISHED = new URL('../../../docs/protocol/plan.schema.json', import.meta.url);
const PAGE = new URL('../../../docs/protocol/plan.md', import.meta.url);

test('the published JSON Schema is the one that plans are checked by (WRITE_SCHEMA=1 writes it anew, unformatted)', () => {
  const schema = JSON.parse(JSON.stringify(planJsonSchema())) as unknown;
  if (process.env.WRITE_SCHEMA) writeFileSync(PUBLISHED, JSON.stringify(schema));
  assert.ok(existsSync(PUBLISHED));
  assert.deepEqual(JSON.parse(readFileSync(PUBLISHED, 'utf8')), schema);
});

test('the page about plans has a chapter for every kind of step', () => {
  const page = readFileSync(PAGE, 'utf8');
  for (const { kind } of STEP_KINDS) assert.ok(page.includes(`### ${kind}`), kind);
});
