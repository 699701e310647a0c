import type { CallSettingsChange } from '@tocsin/protocol/call-settings.ts';
import { Aside } from '#calls/aside.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import type { Desk } from './desk.ts';
import { noteChange } from './set-call-settings.ts';

/** How long a phone rings before forwarding on no answer, when it is set by the keys. */
const NO_ANSWER_AFTER_S = 20;

const DONE = {
  on: { zh: '已设置。', en: 'Set.' },
  off: { zh: '已取消。', en: 'Cancelled.' },
} as const;

/** What the phone's keys ask for: a change, and whether it sets or takes away. undefined: it makes no sense. */
type Wish = { change: CallSettingsChange; isOn: boolean } | undefined;

/** Makes a code's act of a wish: the settings of the phone that dialled it are changed, and it is told in words. */
function byCode(wishOf: (rest: string, settings: CallSettings) => Wish) {
  return async (leg: SipLeg, rest: string, desk: Desk): Promise<void> => {
    const account = leg.party.account!;
    const wish = wishOf(rest, desk.directory.callSettings.get(account));
    if (!wish) return await leg.refuse(484, 'unreachable');
    await desk.directory.callSettings.change(account, wish.change);
    await noteChange(account, account, wish.change, desk);
    if (!(await leg.accept())) return;
    const { language } = desk.directory.site.features;
    await using aside = await Aside.open(leg, desk.engine);
    await aside.say({ text: DONE[wish.isOn ? 'on' : 'off'][language], language });
    await leg.hangUp('callee-hung-up');
  };
}

const isNumber = (rest: string): boolean => /^[0-9*#+]{2,24}$/.test(rest);

/** A forwarding: with a number it is set, without one it is taken away. */
function forwarding(change: (to: string | null) => CallSettingsChange) {
  return byCode((rest) => {
    if (rest === '') return { change: change(null), isOn: false };
    return isNumber(rest) ? { change: change(rest), isOn: true } : undefined;
  });
}

export const forwardAlways = forwarding((to) => ({ forwardAlways: to }));
export const forwardBusy = forwarding((to) => ({ forwardBusy: to }));
export const forwardUnreachable = forwarding((to) => ({ forwardUnreachable: to }));
export const forwardNoAnswer = forwarding((to) => ({
  forwardNoAnswer: to === null ? null : { to, afterS: NO_ANSWER_AFTER_S },
}));

export const doNotDisturb = byCode((_rest, { doNotDisturb: isOn }) => ({
  change: { doNotDisturb: !isOn },
  isOn: !isOn,
}));

const WAITING = { '0': 'off', '1': 'line', '2': 'tone' } as const;

export const callWaiting = byCode((rest) => {
  const how = WAITING[rest as keyof typeof WAITING];
  return how && { change: { callWaiting: how }, isOn: how !== 'off' };
});

export const followMe = byCode((_rest, { followMe: { isOn } }) => ({
  change: { followMe: { isOn: !isOn } },
  isOn: !isOn,
}));

/** Two digits are the short code, what follows is its number. */
export const keepNumber = byCode((rest) => {
  const [, code, number = ''] = /^([0-9]{2})([0-9*#+]*)$/.exec(rest) ?? [];
  if (code === undefined) return undefined;
  if (number === '') return { change: { speedDial: { [code]: null } }, isOn: false };
  return isNumber(number) ? { change: { speedDial: { [code]: number } }, isOn: true } : undefined;
});
