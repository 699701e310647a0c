/** What a schema's complaint means, in words for the person who writes plans. */
import type { z } from 'zod';

export interface IssueFacts {
  key?: string;
  /** The value that was refused. */
  wrong?: unknown;
  isMissing?: boolean;
  /** The nearest known word. */
  near?: string;
  allowed?: string[];
}

interface Sentence {
  zh: string;
  en: string;
}

/** The sentence for one issue, in both languages. */
export function sentenceFor(issue: z.core.$ZodIssue, facts: IssueFacts): Sentence {
  const hint = facts.near
    ? { zh: `，是不是“${facts.near}”？`, en: `; did you mean “${facts.near}”?` }
    : { zh: '', en: '' };
  if (issue.code === 'unrecognized_keys') {
    return { zh: `不认识的字段“${facts.key}”${hint.zh}`, en: `unknown field “${facts.key}”${hint.en}` };
  }
  if (facts.isMissing) return { zh: `缺少必填项“${facts.key}”`, en: `the field “${facts.key}” is missing` };
  const wrong = short(facts.wrong);
  switch (issue.code) {
    case 'invalid_union':
      if (!facts.allowed)
        return { zh: `${wrong} 的写法不对`, en: `${wrong} is not written in one of the accepted forms` };
      return {
        zh: `没有“${wrong}”这种步骤${hint.zh || `，可用：${facts.allowed.join('、')}`}`,
        en: `there is no kind of step “${wrong}”${hint.en || `; there are: ${facts.allowed.join(', ')}`}`,
      };
    case 'invalid_value': {
      const allowed = facts.allowed ?? [];
      return {
        zh: `“${wrong}”不可用，可用：${allowed.join('、')}${hint.zh}`,
        en: `“${wrong}” is not one of ${allowed.join(', ')}${hint.en}`,
      };
    }
    case 'invalid_type': {
      const [zh, en] = TYPES[issue.expected] ?? [issue.expected, issue.expected];
      return { zh: `这里应为${zh}，写的是“${wrong}”`, en: `this should be ${en}, it is “${wrong}”` };
    }
    case 'too_big':
      return bound('最多', 'at most', issue.origin, issue.maximum, wrong);
    case 'too_small':
      return bound('至少', 'at least', issue.origin, issue.minimum, wrong);
    case 'invalid_format': {
      const [zh, en] = FORMATS[issue.message] ?? [issue.message, issue.message];
      return { zh: `“${wrong}”的写法不对：${zh}`, en: `“${wrong}” is malformed: ${en}` };
    }
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
      return { zh: `“${wrong}”不可用：${issue.message}`, en: `“${wrong}” cannot be used: ${issue.message}` };
  }
}

const TYPES: Record<string, [zh: string, en: string]> = {
  string: ['文字', 'text'],
  number: ['数字', 'a number'],
  int: ['整数', 'a whole number'],
  boolean: ['true 或 false', 'true or false'],
  array: ['列表（每行以“- ”开头）', 'a list (lines that begin with “- ”)'],
  object: ['一组字段', 'a set of fields'],
  record: ['一组字段', 'a set of fields'],
};

const FORMATS: Record<string, [zh: string, en: string]> = {
  'an id is 1-64 letters, digits, dots, dashes, underscores': [
    '编号为 1-64 个字母、数字、点、横线或下划线',
    'an id is 1-64 letters, digits, dots, dashes, underscores',
  ],
  person: ['应为人员编号、group:分组编号 或 {参数}', 'it should be a person’s id, group:<id> or {parameter}'],
  thing: ['应为编号或 {参数}', 'it should be an id or {parameter}'],
};

const UNITS: Record<string, [zh: string, en: string]> = {
  array: ['项', 'items'],
  string: ['个字符', 'characters'],
};

function bound(zh: string, en: string, origin: string, limit: number | bigint, wrong: string): Sentence {
  const [zhUnit, enUnit] = UNITS[origin] ?? ['', ''];
  const is = UNITS[origin] ? { zh: '', en: '' } : { zh: `，写的是 ${wrong}`, en: `, it is ${wrong}` };
  return {
    zh: `${zh} ${limit}${zhUnit && ` ${zhUnit}`}${is.zh}`,
    en: `${en} ${limit}${enUnit && ` ${enUnit}`}${is.en}`,
  };
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
