import type { BridgeNode } from '#media/bridge.ts';
import type { Answerer } from '#media/answerer.ts';
import type { PlainCodec } from '#sdp/codec.ts';
import { receives } from '#sdp/direction.ts';
import { offeredCodecs } from '#sdp/plain.ts';
import type { IncomingInvite } from '#sip/session/incoming-invite.ts';
import type { InviteDialog, Refer, Reoffer } from '#sip/session/invite-dialog.ts';
import type { OutgoingInvite } from '#sip/session/outgoing-invite.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { KeptLeg } from './kept-leg.ts';
import type { DialogId, HangUpReason, Party } from './leg.ts';
import { LegBase } from './leg-base.ts';
import type { LegMedia, MediaAnswer } from './leg-media.ts';

/** What each ending is in the telephone network's own words (Q.850), for gateways and trunks behind us. */
const Q850: Partial<Record<HangUpReason, number>> = {
  'caller-hung-up': 16,
  'callee-hung-up': 16,
  'nobody-answered': 19,
  busy: 17,
  unreachable: 20,
  declined: 21,
  'conference-full': 17,
  'conference-locked': 21,
  'line-limit': 34,
  'media-lost': 41,
  'signalling-lost': 41,
  'media-refused': 65,
  'answered-elsewhere': 26,
};

/** A leg signalled by SIP: a desk phone, a browser, a trunk, a horn or a gateway's resource. Its voice is in `LegMedia`. */
export class SipLeg extends LegBase {
  /** The trunk whose line it holds. */
  trunk: string | undefined;
  /** The call for which it rings. */
  call: string | undefined;
  readonly #media: LegMedia;
  #dialog?: InviteDialog;
  #invite?: IncomingInvite;
  #outgoing?: OutgoingInvite;
  /** Our answer to a caller who hears the far end before it has answered. */
  #early?: Promise<MediaAnswer>;

  /** A call that has come in; it is refused or answered by `accept`. */
  static inbound(id: string, party: Party, invite: IncomingInvite, media: LegMedia): SipLeg {
    const leg = new SipLeg(id, 'inbound', party, media);
    leg.#invite = invite;
    invite.cancelled.addEventListener('abort', () => leg.endedByPeer('abandoned'), { once: true });
    if (invite.cancelled.aborted) leg.endedByPeer('abandoned');
    return leg;
  }

  /** A call that goes out; it becomes answered by `establish`. */
  static outbound(id: string, party: Party, media: LegMedia): SipLeg {
    return new SipLeg(id, 'outbound', party, media);
  }

  /**
   * A leg that the process before this one had. One that was answered is to be renewed: that tells whether its far end is
   * still there. One that rings is followed, one that waits accepted or refused.
   */
  static takenUp({ id, direction, party, trunk, call, at }: KeptLeg, userAgent: UserAgent, media: LegMedia): SipLeg {
    const leg =
      at.kind === 'waiting'
        ? SipLeg.inbound(id, party, userAgent.takeUpIncoming(at.invite), media)
        : new SipLeg(id, direction, party, media);
    leg.trunk = trunk;
    leg.call = call;
    if (at.kind === 'answered') leg.#established(userAgent.takeUp(at.dialog));
    else leg.moveTo('ringing');
    return leg;
  }

  private constructor(id: string, direction: 'inbound' | 'outbound', party: Party, media: LegMedia) {
    super(id, direction, party);
    this.#media = media;
    media.port.on('digit', ({ digit }) => this.emit('digit', digit));
    media.on('lost', () => this.emit('troubled', true));
    media.on('back', () => this.emit('troubled', false));
    media.on('closed', () => void this.hangUp('media-lost'));
  }

  get node(): BridgeNode {
    return this.#media.port;
  }

  get media(): LegMedia {
    return this.#media;
  }

  /** Listens from now on who has answered: a person who greets and waits, or a machine. Settles within 8 s. */
  whoAnswers(): Promise<Answerer> {
    return this.#media.port.whoAnswers();
  }

  /** The codecs that a caller who has not been answered offers, best first; undefined when he offers nothing. */
  get offeredCodecs(): readonly PlainCodec[] | undefined {
    return this.#invite?.offer === undefined ? undefined : offeredCodecs(this.#invite.offer);
  }

  get dialog(): DialogId | undefined {
    return this.#dialog;
  }

  get earlyDialogs(): readonly DialogId[] {
    return this.#outgoing?.earlyDialogs ?? [];
  }

  /** Lets the caller hear ringing (180). */
  ring(): void {
    if (this.state !== 'dialling') return;
    this.#invite?.ring();
    this.moveTo('ringing');
  }

  /**
   * Lets the caller hear before the call is answered (183 with our answer, RFC 3960). False when he cannot: he offered no audio
   * that we know, or is a browser, whose phone takes no sound before the answer.
   */
  async hearEarly(like?: SipLeg): Promise<boolean> {
    const invite = this.#invite;
    if (this.state === 'ended' || invite?.offer === undefined) return false;
    if (this.#early) return (await this.#early).kind === 'agreed';
    this.#early = this.#media.answer(invite.offer, { like: like?.media.codec, isEarly: true });
    const answer = await this.#early;
    if (answer.kind === 'refused' || this.gone.aborted) return false;
    invite.ring({ answer: answer.answer });
    this.moveTo('ringing');
    return true;
  }

  /** The far end speaks before it answers: its 183 says how it sounds. False when we cannot hear it. */
  async takeEarly(sdp: string): Promise<boolean> {
    this.#early ??= this.#media
      .takeAnswer(sdp, { isEarly: true })
      .then((agreed) => (agreed.kind === 'agreed' ? { ...agreed, answer: sdp } : agreed));
    return (await this.#early).kind === 'agreed' && !this.gone.aborted;
  }

  /**
   * Takes the call, with the codec of `like` where it is offered. False when it could not be taken: the caller has gone, or
   * offers no audio that we know.
   */
  async accept(like?: SipLeg): Promise<boolean> {
    if (this.state === 'ended' || !this.#invite) return false;
    const invite = this.#invite;
    if (invite.offer === undefined) return await this.#acceptWithOurOffer(invite);
    const answer = await (this.#early ?? this.#media.answer(invite.offer, { like: like?.media.codec }));
    if (answer.kind === 'refused') {
      await this.refuse(488, 'media-refused', {
        words: answer.why === 'not-secure' ? 'SRTP is required' : undefined,
      });
      return false;
    }
    if (this.#early) await this.#media.confirm();
    if (this.gone.aborted) return false;
    this.#established(await invite.answer(answer.answer));
    this.#followDirection(answer.theirDirection);
    return true;
  }

  /**
   * Refuses an inbound call that was not answered, with a SIP status; with words of our own where its usual ones say too little,
   * and with the network's cause where it told one.
   */
  async refuse(
    status: number,
    reason: HangUpReason,
    more: { words?: string | undefined; q850?: number | undefined } = {},
  ): Promise<void> {
    this.#invite?.refuse(status, more.words, more.q850 ?? Q850[reason]);
    this.#invite = undefined;
    await this.hangUp(reason);
  }

  /** Follows an outgoing INVITE's provisional answers; cancels it when the leg is hung up first. */
  follow(outgoing: OutgoingInvite): void {
    this.#outgoing = outgoing;
    outgoing.on('provisional', ({ status }) => {
      if (status >= 180) this.moveTo('ringing');
    });
  }

  /** The far end has answered. False when its answer could not be used; the leg is then ended. */
  async establish(dialog: InviteDialog, answer: string): Promise<boolean> {
    this.#outgoing = undefined;
    if (this.gone.aborted) {
      await dialog.bye({ cause: 'abandoned' });
      return false;
    }
    await this.#early;
    const agreed = await this.#media.takeAnswer(answer);
    this.#established(dialog);
    if (agreed.kind === 'refused') {
      await this.hangUp('media-refused');
      return false;
    }
    this.#followDirection(agreed.theirDirection);
    return this.state === 'answered';
  }

  /** What the next process needs to go on with this leg; undefined while there is nothing to go on with, and for browsers. */
  kept(): KeptLeg | undefined {
    const at = this.#keptAt();
    const { id, direction, party, trunk, call } = this;
    return at && { id, direction, party, ...(trunk ? { trunk } : {}), ...(call ? { call } : {}), at };
  }

  #keptAt(): KeptLeg['at'] | undefined {
    const dialog = this.state === 'answered' ? this.#dialog?.kept() : undefined;
    if (dialog) return { kind: 'answered', dialog };
    if (this.state !== 'ringing') return undefined;
    const waiting = this.#invite?.kept();
    if (waiting) return { kind: 'waiting', invite: waiting };
    const ringing = this.#outgoing?.kept();
    return ringing && { kind: 'ringing', invite: ringing };
  }

  /**
   * Gives the far end of a leg that was taken up our new media address, by re-INVITE. False when it is not there any more;
   * the leg has then ended.
   */
  async renew(): Promise<boolean> {
    const offer = await this.#media.offer();
    const outcome = this.state === 'ended' ? undefined : await this.#dialog?.reinvite(offer);
    const agreed = outcome?.kind === 'answered' ? await this.#media.takeAnswer(outcome.answer) : undefined;
    if (agreed?.kind !== 'agreed') {
      await this.hangUp(agreed ? 'media-refused' : 'signalling-lost');
      return false;
    }
    this.#followDirection(agreed.theirDirection);
    this.emit('renegotiated');
    return this.state === 'answered';
  }

  /** The far end has answered an offer that the process before this one made: it gets ours. False when it is gone. */
  async establishAnew(dialog: InviteDialog): Promise<boolean> {
    this.#outgoing = undefined;
    if (this.gone.aborted) {
      await dialog.bye({ cause: 'abandoned' });
      return false;
    }
    this.#established(dialog);
    return await this.renew();
  }

  /** The outgoing call failed: the leg ends without telling anyone. */
  fail(reason: HangUpReason): void {
    this.#outgoing = undefined;
    this.endedByPeer(reason);
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#media.port.sendDigits(digits);
  }

  protected async release(reason: HangUpReason): Promise<void> {
    const q850 = Q850[reason];
    if (this.#dialog) await this.#dialog.bye({ cause: reason, ...(q850 ? { q850 } : {}) });
    else if (this.#outgoing) this.#outgoing.cancel(reason);
    else if (this.#invite) this.#invite.refuse(reason === 'line-limit' ? 503 : 480, undefined, q850);
  }

  protected async free(): Promise<void> {
    await this.#media.close();
  }

  async #acceptWithOurOffer(invite: IncomingInvite): Promise<boolean> {
    // An INVITE without an offer: ours goes into the 200, theirs comes back in the ACK (RFC 3261 §13.2.1).
    const offer = await this.#media.offer();
    if (this.gone.aborted) return false;
    this.#established(await invite.answer(offer));
    return true;
  }

  #established(dialog: InviteDialog): void {
    this.#dialog = dialog;
    this.#invite = undefined;
    dialog.on('ended', ({ by }) => {
      const gone = this.direction === 'inbound' ? 'caller-hung-up' : 'callee-hung-up';
      this.endedByPeer(by === 'remote' ? gone : 'signalling-lost');
    });
    dialog.on('reoffer', (reoffer) => void this.#reoffered(reoffer));
    // The answer to an offer of ours that went out in a 2xx (RFC 3261 §13.2.1, §14.1).
    dialog.on('late-answer', (answer) => {
      void this.#media.takeAnswer(answer).then((agreed) => {
        if (agreed.kind === 'refused') return this.hangUp('media-refused');
        this.#followDirection(agreed.theirDirection);
      });
    });
    dialog.on('refer', (refer) => this.#asksForTransfer(refer));
    dialog.on('info', ({ contentType, body }) => this.#info(contentType, body));
    this.moveTo('answered');
  }

  async #reoffered(reoffer: Reoffer): Promise<void> {
    if (reoffer.offer === undefined) return reoffer.answer(await this.#media.offer());
    const answer = await this.#media.answer(reoffer.offer);
    if (answer.kind === 'refused') return reoffer.refuse(488);
    reoffer.answer(answer.answer);
    this.#followDirection(answer.theirDirection);
    this.emit('renegotiated');
  }

  /** The peer holds us when it does not want to hear (RFC 3264 §8.4). */
  #followDirection(theirDirection: Parameters<typeof receives>[0]): void {
    this.heldByPeer(!receives(theirDirection));
  }

  #asksForTransfer(refer: Refer): void {
    const number = /^sips?:([^@;>]+)@/i.exec(refer.referTo)?.[1];
    if (number === undefined) return refer.refuse(400);
    this.emit('transfer-asked', {
      number: decodeURIComponent(number),
      ...(refer.replaces === undefined ? {} : { replaces: refer.replaces }),
      accept() {
        const progress = refer.accept();
        return { tell: (status, words) => progress.notify(status, words) };
      },
      refuse: (status) => refer.refuse(status),
    });
  }

  /** Digits by INFO, and the recall key as `!`, as many phones send them: `Signal=5` (application/dtmf-relay) or the bare digit (application/dtmf). */
  #info(contentType: string, body: string): void {
    const type = contentType.toLowerCase();
    const isRecall = type.startsWith('application/hook-flash') || /signal\s*=\s*(?:hf|flash|16)\b/i.test(body);
    const digit = isRecall
      ? '!'
      : type.startsWith('application/dtmf-relay')
        ? /signal\s*=\s*([0-9a-d*#])/i.exec(body)?.[1]
        : type.startsWith('application/dtmf')
          ? /^\s*([0-9a-d*#])\s*$/i.exec(body)?.[1]
          : undefined;
    if (digit) this.emit('digit', digit.toUpperCase());
  }
}
