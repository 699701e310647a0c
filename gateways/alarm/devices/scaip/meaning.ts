import { z } from 'zod';
import { Level } from '@tocsin/protocol/common.ts';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import type { Report } from '../../report.ts';
import type { ScaipRequest } from './message.ts';

/** One row of what status and device type mean; a site adds rows for what its units send. Four digits each. */
export const ScaipCode = z.object({
  status: z.string().regex(/^\d{4}$/),
  /** Absent: whatever device raised it. */
  deviceType: z
    .string()
    .regex(/^\d{4}$/)
    .optional(),
  kind: z.enum([...DeviceAlarm.shape.kind.unwrap().options, 'alive']),
  level: Level.optional(),
});
export type ScaipCode = z.infer<typeof ScaipCode>;

/** What units of several makers were seen to send. Others are alarms with their code on the card. */
const USUAL: readonly ScaipCode[] = [
  { status: '0009', kind: 'one-key' },
  { status: '0010', kind: 'one-key' },
  { status: '0102', kind: 'alive' },
];

/** A cancelled alarm comes as a message with this status. */
const CANCELLED = '0019';

/** What a message says. `codes` go before the usual ones. */
export function meaningOf(request: ScaipRequest, codes: readonly ScaipCode[]): Report[] {
  const { messageType, status = '', deviceType, deviceId, text } = request;
  const row = [...codes, ...USUAL].find(
    (each) => each.status === status && (each.deviceType === undefined || each.deviceType === deviceType),
  );
  const said = [text, `SCAIP ${deviceType}/${status}`].filter(Boolean).join(' · ');
  switch (messageType) {
    case 'PI':
      return [{ what: 'alive' }];
    case 'IN':
      return [{ what: 'information', text: said }];
    case 'RE':
    case 'ME': {
      if (row?.kind === 'alive') return [{ what: 'alive' }];
      const isOver = messageType === 'RE' || status === CANCELLED;
      return [
        {
          what: 'alarm',
          kind: row?.kind ?? (status === CANCELLED ? 'one-key' : 'other'),
          ...(isOver && { isOver }),
          ...(row?.level && { level: row.level }),
          ...(deviceId !== undefined && Number(deviceId) !== 0 && { point: deviceId }),
          text: said,
        },
      ];
    }
  }
}
