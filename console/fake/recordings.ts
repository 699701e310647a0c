import type { RecordingList, RecordingView } from '@tocsin/protocol/recording.ts';
/** Sound for the stand-in's recordings: bursts of a voice-like hum with pauses, 16-bit PCM at 8 kHz, the same for the same name. */
export function fakeWav(name: string, ms: number): Buffer {
  const samples = Math.round(ms * 8);
  const file = Buffer.alloc(44 + samples * 2);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(16_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(samples * 2, 40);
  let seed = [...name].reduce((sum, sign) => (sum * 31 + sign.charCodeAt(0)) >>> 0, 7);
  const chance = () => ((seed = (seed * 1664525 + 1013904223) >>> 0), seed / 4294967296);
  let loudness = 0;
  let target = 0.5;
  for (let i = 0; i < samples; i++) {
    // A syllable lasts 180 ms; one in four is a breath.
    if (i % 1440 === 0)
      target = chance() < 0.24 ? 0.004 : 0.05 + chance() ** 2 * 0.5 * (0.55 + 0.45 * Math.sin(i / 52_000));
    loudness += (target - loudness) * 0.004;
    const sound = Math.sin(i * 0.11) * 0.6 + Math.sin(i * 0.23) * 0.3 + (chance() - 0.5) * 0.3;
    file.writeInt16LE(Math.max(-32_000, Math.min(32_000, Math.round(sound * loudness * 32_000))), 44 + i * 2);
  }
  return file;
}

/** A night's recordings, as the server would list them. */
export function fakeRecordings(nowMs: number, hasAny: boolean): RecordingList {
  if (!hasAny) return { total: 0, totalMs: 0, recordings: [] };
  const recordings = NIGHT.map(([minutesAgo, seconds, of, title, more], index): RecordingView => {
    const sha256 = index.toString(16).padStart(64, '0');
    return {
      ...{ id: `rec-${index}`, startedAt: nowMs - minutesAgo * 60_000, ms: seconds * 1000, of, title },
      ...{ accounts: [], isDrill: false, state: 'kept', format: minutesAgo > 90 ? 'opus' : 'wav', gaps: [] },
      ...(seconds > 0 && !more?.deleted
        ? { sha256, url: `/api/recordings/rec-${index}.wav?ms=${seconds * 1000}` }
        : {}),
      ...more,
    };
  });
  return { total: 128, totalMs: 22_345_000, recordings };
}

const NIGHT: [number, number, RecordingView['of'], string, Partial<RecordingView>?][] = [
  [2, 0, 'conference', '一级防汛会商 8001', { state: 'running' }],
  [
    4,
    96,
    'call',
    '13900001188 → 1003',
    {
      caller: '13900001188',
      called: '1003',
      direction: 'in',
      accounts: ['1003'],
      gaps: [{ fromMs: 30_000, toMs: 42_000 }],
    },
  ],
  [
    9,
    47,
    'channel',
    'VHF 1 防汛指挥',
    {
      voiced: [
        { fromMs: 8000, toMs: 20_000 },
        { fromMs: 31_000, toMs: 40_000 },
      ],
    },
  ],
  [14, 22, 'announcement', '广播 转移通知'],
  [
    31,
    312,
    'call',
    '1003 → 913900000417',
    { caller: '1003', called: '913900000417', direction: 'out', accounts: ['1003'] },
  ],
  [
    58,
    41,
    'call',
    '1004 → 1005',
    { caller: '1004', called: '1005', direction: 'internal', accounts: ['1004', '1005'] },
  ],
  [
    77,
    8,
    'call',
    '057100000417 → 1001',
    { caller: '057100000417', called: '1001', direction: 'in', accounts: ['1001'] },
  ],
  [
    122,
    35,
    'call',
    '1009 → 1006',
    {
      caller: '1009',
      called: '1006',
      direction: 'internal',
      accounts: ['1009', '1006'],
      state: 'deleted',
      deleted: { at: 0, by: 'lead', because: '本人申请，涉及家属隐私' },
    },
  ],
  [180, 1290, 'conference', '夜间值班例会 8002', { isDrill: true }],
  [240, 64, 'video', '兰溪大坝 单兵 王建国'],
];
