import { DispatchError } from '#kernel/errors.ts';

/** What is known when a text is written from a template. */
export interface TemplateFacts {
  recipient: { name: string; title: string; number: string };
  sender: string;
  site: string;
  atMs: number;
  /** What was asked for, by its word. */
  values: Record<string, string>;
}

/** Words that every template may use, in both languages. */
const KNOWN: Record<string, (facts: TemplateFacts) => string> = {
  name: ({ recipient }) => recipient.name,
  姓名: ({ recipient }) => recipient.name,
  title: ({ recipient }) => recipient.title,
  职务: ({ recipient }) => recipient.title,
  number: ({ recipient }) => recipient.number,
  号码: ({ recipient }) => recipient.number,
  sender: ({ sender }) => sender,
  发送人: ({ sender }) => sender,
  site: ({ site }) => site,
  单位: ({ site }) => site,
  date: ({ atMs }) => local(atMs).date,
  日期: ({ atMs }) => local(atMs).date,
  time: ({ atMs }) => local(atMs).time,
  时间: ({ atMs }) => local(atMs).time,
};

/**
 * Fills in the words in braces for one recipient.
 *
 * @throws DispatchError TEXT_WORD_MISSING for a word that nobody has given: a citizen must never read `{level}`
 */
export function fillTemplate(text: string, facts: TemplateFacts): string {
  return text.replace(/\{([^{}\n]{1,40})\}/g, (_braces, word: string) => {
    const value = facts.values[word] ?? KNOWN[word]?.(facts);
    if (value === undefined || value === '') throw new DispatchError('TEXT_WORD_MISSING', `{${word}}`);
    return value;
  });
}

function local(atMs: number): { date: string; time: string } {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}`,
  };
}
