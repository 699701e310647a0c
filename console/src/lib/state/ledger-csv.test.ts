import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunView } from '@tocsin/protocol/views.ts';
import { ledgerCsv } from './ledger-csv.ts';

test('a cell is quoted where it must be, and is never a formula', () => {
  const run = {
    ledger: [
      {
        id: '1',
        run: 'r',
        step: 's',
        person: 'li',
        channel: 'sms',
        state: 'failed',
        at: 0,
        attempts: 2,
        detail: '=1+1, "空号"',
        history: [],
      },
    ],
  } as unknown as RunView;
  const csv = ledgerCsv(run, { personName: () => '李卫东', unitName: () => '抢险二组', stateName: () => '失败' });
  assert.equal(
    csv.split('\r\n')[1],
    `li,李卫东,抢险二组,sms,failed,失败,1970-01-01T00:00:00.000Z,2,"'=1+1, ""空号""",`,
  );
});
