import type { CommandOf } from '@tocsin/protocol/console.ts';
import { Aside } from '#calls/aside.ts';
import type { CampOn } from '#calls/camp-ons.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callBoth } from './call-both.ts';
import type { Actor, Desk } from './desk.ts';

/** A wish is forgotten after so long; a restart of the server forgets it too. */
const WAIT_FOR_MS = 30 * 60_000;
/** Wishes at the same time; the next is refused with TOO_MANY_REQUESTS. */
const MOST_WISHES = 500;

const WORDS = {
  zh: '对方空闲时回拨您。',
  en: 'You will be called back when the line is free.',
};

/** A phone has dialled the code with a number behind it. */
export async function campOnByPhone(leg: SipLeg, number: string, desk: Desk): Promise<void> {
  const { account } = leg.party;
  if (!desk.directory.account(number) || number === account) return await leg.refuse(404, 'unreachable');
  if (!(await leg.accept())) return;
  const { language } = desk.directory.site.features;
  {
    await using aside = await Aside.open(leg, desk.engine);
    await aside.say({ text: WORDS[language], language });
  }
  await leg.hangUp('callee-hung-up');
  // Wished only now: the phone itself must be free to be called.
  wish(account!, number, desk);
}

/** The user's own phone, or the one named, is called when that number is free. */
export async function campOn({ to, from }: CommandOf<'call.camp-on'>, actor: Actor, desk: Desk) {
  const by = from ?? actor.account;
  if (by === undefined) throw new DispatchError('ENDPOINT_UNREGISTERED', actor.name);
  if (!desk.directory.account(to) || !desk.directory.account(by)) throw new DispatchError('ENDPOINT_UNKNOWN', to);
  wish(by, to, desk, actor.user);
}

export async function cancelCampOn({ to, from }: CommandOf<'call.cancel-camp-on'>, actor: Actor, desk: Desk) {
  const wished = desk.campOns.wishes.get(keyOf(from ?? actor.account ?? '', to));
  if (!wished) throw new DispatchError('NOT_FOUND', to);
  wished.stop();
  note('call.camp-on-cancelled', wished, desk, actor.user);
}

function wish(by: string, to: string, desk: Desk, actor?: string): void {
  const { wishes } = desk.campOns;
  const key = keyOf(by, to);
  if (wishes.size >= MOST_WISHES && !wishes.has(key)) throw new DispatchError('TOO_MANY_REQUESTS');
  wishes.get(key)?.stop();
  const off = desk.lamps.on('changed', (account) => {
    if (account === by || account === to) look();
  });
  const wished: CampOn = {
    by,
    to,
    timer: desk.clock.after(WAIT_FOR_MS, () => {
      wished.stop();
      note('call.camp-on-expired', wished, desk);
    }),
    stop() {
      off();
      wished.timer.cancel();
      wishes.delete(key);
    },
  };
  wishes.set(key, wished);
  note('call.camped-on', wished, desk, actor);
  const look = () => {
    if (!desk.lamps.isFree(by) || !desk.lamps.isFree(to) || !desk.phones.isRegistered(to)) return;
    wished.stop();
    note('call.camp-on-due', wished, desk);
    void callBoth(by, to, `${by} → ${to}`, desk).then(
      (outcome) => outcome.kind !== 'talked' && note('call.camp-on-failed', wished, desk, undefined, outcome.kind),
      (error: unknown) => desk.log.error('camp-on failed', { by, to, error }),
    );
  };
  look();
}

function keyOf(by: string, to: string): string {
  return `${by} ${to}`;
}

function note(kind: string, { by, to }: CampOn, desk: Desk, actor?: string, because?: string): void {
  desk.timeline
    .append({ kind, ...(actor ? { actor } : {}), data: { by, to, ...(because ? { because } : {}) } })
    .catch((error: unknown) => desk.log.error('timeline entry lost', { kind, error }));
}
