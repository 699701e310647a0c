import type { ConferenceRoom } from '@tocsin/protocol/directory.ts';
import type { Words } from '@tocsin/protocol/reaching.ts';

/** How often a PIN may be wrong before the caller is sent away. */
const TRIES = 3;

const zh = (text: string): Words => ({ text, language: 'zh' });
/** What is said at the door of a conference room. */
export const DOOR_WORDS = {
  ask: zh('请输入会议密码，按井号键结束。'),
  wrong: zh('密码不正确，请重新输入，按井号键结束。'),
  goodbye: zh('密码不正确，再见。'),
  full: zh('会议人数已满，请稍后再拨。'),
  locked: zh('会议已锁定，请联系主持人。'),
} as const;

export type Admission =
  | { kind: 'admitted'; isChair: boolean }
  | { kind: 'wrong-pin' }
  /** He has hung up, or pressed nothing at all. */
  | { kind: 'gone' };

/**
 * Asks whoever has dialled a room for its PIN, three times at most. The chair's PIN makes a chair of him. A room with no
 * other PIN than the chair's lets everybody in who presses nothing but hash.
 *
 * @param ask says words and collects keys up to the hash: '' for the hash alone, undefined when nothing came
 * @param wrong told of each try that failed
 */
export async function askForPin(
  { pin, chairPin }: Pick<ConferenceRoom, 'pin' | 'chairPin'>,
  ask: (words: Words) => Promise<string | undefined>,
  wrong: (tries: number) => void,
): Promise<Admission> {
  if (pin === undefined && chairPin === undefined) return { kind: 'admitted', isChair: false };
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const keys = await ask(tries === 1 ? DOOR_WORDS.ask : DOOR_WORDS.wrong);
    if (keys === undefined) return { kind: 'gone' };
    if (chairPin !== undefined && keys === chairPin) return { kind: 'admitted', isChair: true };
    if (keys === (pin ?? '')) return { kind: 'admitted', isChair: false };
    wrong(tries);
  }
  return { kind: 'wrong-pin' };
}
