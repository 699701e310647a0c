import type { Name } from '@tocsin/protocol/common.ts';

/** Why the network did not put a call through, in both of its languages and in words for people. */
export interface NetworkCause {
  /** The SIP status, when it was SIP that told. */
  status?: number;
  /** ITU-T Q.850: told by the network, or what the status means there. */
  q850: number;
  words: Name;
  /**
   * The trunk and not the called party is why: no answer at all, 408, 5xx, a refusal of ourselves (401, 407), or a cause of the
   * network's. The next trunk is worth a try.
   */
  isOfTrunk: boolean;
}

/** ITU-T Q.850 §2.2, the causes that calls end with. */
const WORDS: Readonly<Record<number, Name>> = {
  1: { zh: '空号', en: 'The number is not in use' },
  2: { zh: '无到该网络的路由', en: 'No way to that network' },
  3: { zh: '无到目的地的路由', en: 'No way to the destination' },
  16: { zh: '正常挂断', en: 'Hung up' },
  17: { zh: '用户忙', en: 'Busy' },
  18: { zh: '用户未响应', en: 'The phone does not respond' },
  19: { zh: '久叫不应', en: 'Rang, and nobody answered' },
  20: { zh: '用户关机或不在服务区', en: 'Switched off or out of reach' },
  21: { zh: '呼叫被拒绝', en: 'The call was refused' },
  22: { zh: '号码已变更', en: 'The number has changed' },
  25: { zh: '呼叫绕圈', en: 'The call went in circles' },
  27: { zh: '对方设备故障', en: 'The other side’s line is out of order' },
  28: { zh: '号码不全', en: 'The number is incomplete' },
  29: { zh: '业务被拒绝', en: 'The service was refused' },
  31: { zh: '未说明原因', en: 'No reason was given' },
  34: { zh: '线路全忙', en: 'Every line is in use' },
  38: { zh: '网络故障', en: 'The network is out of order' },
  41: { zh: '临时故障', en: 'Temporary failure' },
  42: { zh: '交换设备拥塞', en: 'The exchange is congested' },
  44: { zh: '请求的线路不可用', en: 'That line cannot be had' },
  47: { zh: '资源不可用', en: 'No resources' },
  50: { zh: '未开通该业务', en: 'The service is not subscribed to' },
  55: { zh: '限制呼入', en: 'Incoming calls are barred' },
  57: { zh: '无权使用该业务', en: 'Not authorised' },
  58: { zh: '业务暂不可用', en: 'Not available now' },
  63: { zh: '业务不可用', en: 'Not available' },
  65: { zh: '没有共同的语音编码', en: 'No audio format in common' },
  79: { zh: '业务未实现', en: 'Not implemented' },
  88: { zh: '对方设备不兼容', en: 'The other side is incompatible' },
  102: { zh: '对方超时', en: 'The other side timed out' },
  111: { zh: '协议错误', en: 'Protocol error' },
  127: { zh: '互通失败', en: 'Interworking failed' },
};

/** RFC 3398 §8.2.6.1. */
const Q850_OF_STATUS: Readonly<Record<number, number>> = {
  ...{ 400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22 },
  ...{ 413: 127, 414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127 },
  ...{ 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 488: 65 },
  ...{ 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127 },
  ...{ 600: 17, 603: 21, 604: 1, 606: 65 },
};

/** RFC 3398 §7.2.4.1. */
const STATUS_OF_Q850: Readonly<Record<number, number>> = {
  ...{ 1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484, 29: 501 },
  ...{ 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 44: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488 },
  ...{ 79: 501, 88: 503, 102: 504, 111: 500, 127: 500 },
};

/** Causes that are the trunk's own trouble: another trunk may do better. */
const OF_THE_TRUNK: ReadonlySet<number> = new Set([2, 3, 34, 38, 41, 42, 44, 47, 63, 102]);
/** Causes that say no more than that something is wrong: the status decides. */
const VAGUE: ReadonlySet<number> = new Set([16, 31, 111, 127]);

/** What a final status and a Reason header mean together; the header goes before, since it is the network's own word. */
export function causeOf(told: { status?: number; q850?: number }): NetworkCause {
  const { status } = told;
  const q850 = told.q850 ?? (status === undefined ? 41 : (Q850_OF_STATUS[status] ?? (status >= 500 ? 41 : 31)));
  const words = WORDS[q850] ?? { zh: `原因 ${q850}`, en: `Cause ${q850}` };
  return { ...(status === undefined ? {} : { status }), q850, words, isOfTrunk: isOfTrunk(told) };
}

/** The status for a caller whose call the telephone network ended so. */
export function statusOf({ status, q850 }: NetworkCause): number {
  // A status of the far end that says what the cause says is passed on as it is.
  if (status !== undefined && (Q850_OF_STATUS[status] === q850 || STATUS_OF_Q850[q850] === undefined)) return status;
  return STATUS_OF_Q850[q850] ?? 480;
}

function isOfTrunk({ status, q850 }: { status?: number; q850?: number }): boolean {
  if (q850 !== undefined && !VAGUE.has(q850)) return OF_THE_TRUNK.has(q850);
  if (status === undefined) return true;
  return status === 401 || status === 407 || status === 408 || (status >= 500 && status < 600);
}
