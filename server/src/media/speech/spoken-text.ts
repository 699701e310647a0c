/** Makes written text speakable: numbers, times, dates and units in words, and a voice for each stretch. */

export type SpokenLanguage = 'zh' | 'en';

export interface Stretch {
  language: SpokenLanguage;
  text: string;
}

const HAN_DIGITS = '零一二三四五六七八九';

/** Units after a number, longest first: what is written, in Chinese, in English. */
const UNITS: [written: RegExp, zh: string, en: string][] = [
  [/m(?:³|3|\^3)\/s/y, '立方米每秒', ' cubic metres per second'],
  [/km\/h/y, '公里每小时', ' kilometres per hour'],
  [/m\/s/y, '米每秒', ' metres per second'],
  [/m(?:³|\^3)/y, '立方米', ' cubic metres'],
  [/km²/y, '平方公里', ' square kilometres'],
  [/m²/y, '平方米', ' square metres'],
  [/(?:℃|°C)/y, '摄氏度', ' degrees Celsius'],
  [/mm(?![a-z])/iy, '毫米', ' millimetres'],
  [/cm(?![a-z])/iy, '厘米', ' centimetres'],
  [/km(?![a-z])/iy, '公里', ' kilometres'],
  [/kg(?![a-z])/iy, '公斤', ' kilograms'],
  [/kV(?![a-z])/y, '千伏', ' kilovolts'],
  [/MW(?![a-z])/y, '兆瓦', ' megawatts'],
  [/m(?![a-z])/y, '米', ' metres'],
];

/**
 * Splits text into stretches of one language each, in order. Letters are English; what is neither goes with the language
 * around it, and numbers are read in `language`.
 */
export function stretchesOf(text: string, language: SpokenLanguage): Stretch[] {
  const plain = text
    .normalize('NFKC')
    .replace(/(?<=\d\s?k?m)[23](?!\d)/g, (power) => (power === '2' ? '²' : '³'))
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
  const worded = language === 'zh' ? wordNumbersZh(plain) : wordNumbersEn(plain);
  const stretches: Stretch[] = [];
  // A Han run, a run with Latin letters, or whatever else stands between them.
  for (const [piece] of worded.matchAll(
    /\p{Script=Han}+|[\p{Script=Latin}][\p{Script=Latin}\d'’.-]*|[^\p{Script=Han}\p{Script=Latin}]+/gu,
  )) {
    const isHan = /\p{Script=Han}/u.test(piece);
    const isLatin = /\p{Script=Latin}/u.test(piece);
    const last = stretches.at(-1);
    const own: SpokenLanguage = isHan ? 'zh' : isLatin ? 'en' : (last?.language ?? language);
    if (last?.language === own) last.text += piece;
    else stretches.push({ language: own, text: piece });
  }
  return stretches
    .map(({ language: own, text: piece }) => ({ language: own, text: piece.trim() }))
    .filter(({ text: piece }) => /[\p{L}\p{N}]/u.test(piece));
}

/** A whole number up to 16 digits in Chinese words. */
export function hanNumber(digits: string): string {
  const trimmed = digits.replace(/^0+(?=\d)/, '');
  if (trimmed.length > 16) return hanDigits(digits);
  if (trimmed === '0') return '零';
  const groups: string[] = [];
  for (let end = trimmed.length; end > 0; end -= 4) groups.unshift(trimmed.slice(Math.max(0, end - 4), end));
  let words = '';
  let isZeroDue = false;
  groups.forEach((group, index) => {
    const power = ['', '万', '亿', '万亿'][groups.length - 1 - index]!;
    const value = Number(group);
    if (value === 0) {
      isZeroDue ||= words !== '';
      return;
    }
    if (words && (isZeroDue || value < 1000)) words += '零';
    words += hanGroup(value) + power;
    isZeroDue = false;
  });
  // Ten to nineteen drop the leading one.
  return words.replace(/^一十/, '十');
}

function hanGroup(value: number): string {
  let words = '';
  let isZeroDue = false;
  for (const [unit, name] of [
    [1000, '千'],
    [100, '百'],
    [10, '十'],
    [1, ''],
  ] as const) {
    const digit = Math.floor(value / unit) % 10;
    if (digit === 0) {
      isZeroDue ||= words !== '';
      continue;
    }
    if (isZeroDue) words += '零';
    isZeroDue = false;
    words += HAN_DIGITS[digit]! + name;
  }
  return words;
}

/** Digit by digit, as telephone numbers and years are read. */
export function hanDigits(digits: string): string {
  return [...digits].map((digit) => HAN_DIGITS[Number(digit)] ?? digit).join('');
}

function hanDecimal(whole: string, fraction: string | undefined): string {
  return hanNumber(whole) + (fraction ? `点${hanDigits(fraction)}` : '');
}

function wordNumbersZh(text: string): string {
  return (
    text
      .replace(/(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/g, '$1年$2月$3日')
      .replace(/(\d{4})(?=年)/g, (year) => hanDigits(year))
      .replace(
        /(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])/g,
        (_, hour: string, minute: string, second?: string) =>
          `${hanNumber(hour)}点${Number(minute) === 0 && !second ? '整' : `${hanMinute(minute)}分`}${second ? `${hanMinute(second)}秒` : ''}`,
      )
      // Digits grouped by commas are one number.
      .replace(/\d{1,3}(?:,\d{3})+(?!\d)/g, (number) => number.replaceAll(',', ''))
      .replace(/(\d+(?:\.\d+)?)\s*[~～]\s*(?=\d)/g, '$1至')
      .replace(
        /(?<![\d.])(-|−)?(\d+)(?:\.(\d+))?\s*(%|‰)/g,
        (_, minus: string | undefined, whole: string, fraction: string | undefined, sign: string) =>
          `${minus ? '负' : ''}${sign === '%' ? '百' : '千'}分之${hanDecimal(whole, fraction)}`,
      )
      .replace(
        /(?<![\d\p{Script=Latin}.])([-−])?(\d+)(?:\.(\d+))?(\s*)/gu,
        (
          match,
          minus: string | undefined,
          whole: string,
          fraction: string | undefined,
          space: string,
          at: number,
          all: string,
        ) => {
          const unit = unitAt(all, at + match.length);
          const isName = fraction === undefined && (whole.length >= 5 || (whole.length > 1 && whole.startsWith('0')));
          // 110, 119 and 120 are telephone numbers after a word for calling; 12345 always reads so when no unit follows.
          const isCalled = /(?:电话|拨打|致电|号码|分机|手机|热线)[^\p{L}\d]{0,3}$/u.test(all.slice(0, at));
          if (unit === undefined && !/^\s*\p{Script=Han}/u.test(all.slice(at + match.length)) && isName)
            return hanDigits(whole) + space;
          if (isCalled && fraction === undefined) return hanDigits(whole) + space;
          const isCold = minus && unit === '摄氏度';
          return (
            (minus ? (isCold ? '零下' : '负') : '') + hanDecimal(whole, fraction) + (unit === undefined ? space : '')
          );
        },
      )
      .replace(
        /(?<=[零一二三四五六七八九十百千万亿]\s*)(?:m|k|c|M|℃|°)[\w³²℃°/^]*/g,
        (written) => unitAt(written, 0) ?? written,
      )
      // What is left; digits within a word of letters are the name of a thing and stay.
      .replace(/(?<!\p{Script=Latin}[\w.-]*)\d+/gu, (digits) => hanDigits(digits))
  );
}

function hanMinute(digits: string): string {
  return digits.startsWith('0') && digits.length === 2 ? `零${hanNumber(digits)}` : hanNumber(digits);
}

function wordNumbersEn(text: string): string {
  return text
    .replace(/(?<=\d\s?)(?:m|k|c|M|℃|°)[\w³²℃°/^]*/g, (written) => unitAt(written, 0, 'en') ?? written)
    .replace(/(?<![\d.,])\d{5,}(?![\d.,]*\d)/g, (digits) => [...digits].join(' '))
    .replace(/(?<![\d:])([01]?\d|2[0-3]):00(?![\d:])/g, "$1 o'clock")
    .replace(/([−-])(?=\d)/g, (minus, _sign, at: number, all: string) =>
      /[\p{L}\d]$/u.test(all.slice(0, at)) ? minus : 'minus ',
    );
}

function unitAt(text: string, at: number, language: SpokenLanguage = 'zh'): string | undefined {
  for (const [written, zh, en] of UNITS) {
    written.lastIndex = at;
    if (written.test(text)) {
      const rest = text.slice(written.lastIndex);
      return (language === 'zh' ? zh : en) + (at === 0 ? rest : '');
    }
  }
  return undefined;
}
