import type { Name } from '@tocsin/protocol/common.ts';
import type { HangUpReason } from './leg.ts';

/** Why a call is over: a leg's reason, or what became of a call that nobody answered. */
export type CallEnding = HangUpReason | 'consultation-ended' | 'failed' | 'refused' | 'unanswered' | 'cancelled';

/** Each ending in words for people. */
export const ENDINGS: Record<CallEnding, Name> = {
  'caller-hung-up': { zh: '主叫挂机', en: 'The caller hung up' },
  'callee-hung-up': { zh: '被叫挂机', en: 'The called one hung up' },
  'dispatcher-ended': { zh: '调度员强拆', en: 'Ended at the desk' },
  'removed-by-chair': { zh: '主席移出', en: 'Taken out by the chair' },
  'wrong-pin': { zh: '密码错误', en: 'The PIN was wrong' },
  'conference-full': { zh: '会议人数已满', en: 'The conference was full' },
  'conference-locked': { zh: '会议已锁定', en: 'The conference was locked' },
  'pre-empted': { zh: '被强拆', en: 'Broken off by somebody above' },
  'conference-ended': { zh: '会议结束', en: 'The conference ended' },
  'plan-ended': { zh: '预案结束', en: 'The plan ended' },
  'announcement-finished': { zh: '播放完毕', en: 'The announcement was played' },
  'announcement-stopped': { zh: '播放被停止', en: 'The announcement was stopped' },
  'answered-elsewhere': { zh: '别处已接听', en: 'Answered elsewhere' },
  transferred: { zh: '已转接', en: 'Handed on' },
  parked: { zh: '已停泊', en: 'Parked' },
  'time-limit': { zh: '通话时限已到', en: 'The time limit was reached' },
  'not-confirmed': { zh: '未按键确认', en: 'Not confirmed by a key' },
  declined: { zh: '被拒绝', en: 'Declined' },
  busy: { zh: '被叫忙', en: 'Busy' },
  unreachable: { zh: '无法接通', en: 'Not reachable' },
  abandoned: { zh: '主叫放弃', en: 'The caller gave up' },
  'nobody-answered': { zh: '无人接听', en: 'Nobody answered' },
  'media-lost': { zh: '话音中断', en: 'The sound was lost' },
  'signalling-lost': { zh: '信令中断', en: 'The signalling was lost' },
  'media-refused': { zh: '没有共同的语音格式', en: 'No audio format in common' },
  'feed-ended': { zh: '视频结束', en: 'The feed ended' },
  'channel-left': { zh: '离开信道', en: 'Left the channel' },
  'line-limit': { zh: '线路已占满', en: 'Every line is in use' },
  'server-stopping': { zh: '系统停机', en: 'The system stops' },
  'consultation-ended': { zh: '咨询结束', en: 'The consultation ended' },
  failed: { zh: '系统故障', en: 'Something failed inside' },
  refused: { zh: '被拒绝', en: 'Declined' },
  unanswered: { zh: '无人接听', en: 'Nobody answered' },
  cancelled: { zh: '已撤销', en: 'Called off' },
};
