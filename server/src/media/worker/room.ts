import { AutomaticLevel } from '../automatic-level.ts';
import type { Crossover } from '../crossover.ts';
import { Mix, type Voice } from '../mixer.ts';
import type { MediaNode, Tick } from './node.ts';
import { RecorderNode } from './recorder-node.ts';
import { RtpLeg } from './rtp-leg.ts';
import type { Hearing, MemberOptions, Report } from './protocol.ts';

/** A frame whose peak stays below this (−60 dB) is silence; it is left out once so many frames were silent. */
const FLOOR_PEAK = 32;
const FLOOR_HOLD_FRAMES = 10;

/** A node on a bridge: whom it hears, who hears it, how loud. */
export class Member implements Voice {
  readonly node: MediaNode;
  hears: Hearing = 'everyone';
  heardBy: Hearing = 'everyone';
  isMuted = false;
  gain = 1;
  /** Present while its level is brought to that of the others. */
  automatic: AutomaticLevel | undefined;
  isAudible = false;
  isSpeaking = false;
  /** The mix it hears, and whether its own voice is part of that. */
  mix: Mix | undefined;
  isInOwnMix = false;
  #hold = 0;

  constructor(node: MediaNode) {
    this.node = node;
  }

  get frame(): Int16Array {
    return this.node.frame;
  }

  /** Applies gain and mute to this tick's frame and decides whether it takes part. */
  prepare(): void {
    const { node } = this;
    if (!node.hasSound || this.isMuted) {
      this.isAudible = false;
      this.#hold = 0;
      return;
    }
    if (node.peak * this.gain >= FLOOR_PEAK) this.#hold = FLOOR_HOLD_FRAMES;
    else if (this.#hold > 0) this.#hold -= 1;
    this.isAudible = this.#hold > 0;
    if (!this.isAudible) return;
    this.automatic?.apply(this.frame);
    if (this.gain === 1) return;
    const { frame, gain } = this;
    for (let i = 0; i < frame.length; i += 1) {
      const value = Math.round(frame[i]! * gain);
      frame[i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
    }
  }
}

interface MixGroup {
  voices: Member[];
  mix: Mix;
}

/**
 * A bridge in the thread: who hears whom, summed once for every set of voices that somebody hears.
 *
 * Nobody hears himself, but who names himself in his own list: the echo test.
 *
 * Listeners are grouped by the set they hear. A listener who is himself heard by others is counted into his own set and
 * hears the sum less his own voice: so a conference where everyone hears everyone is one sum.
 */
export class Room {
  readonly id: string;
  readonly label: string;
  readonly members: Member[] = [];
  #groups = new Map<string, MixGroup>();
  #groupList: MixGroup[] = [];
  #isDirty = false;
  #encodingsOfGoneMixes = 0;
  framesHeard = 0;
  isRelaying = false;

  constructor(id: string, label: string) {
    this.id = id;
    this.label = label;
  }

  get mixes(): number {
    return this.#groupList.length;
  }

  get encodings(): number {
    let sum = this.#encodingsOfGoneMixes;
    for (const { mix } of this.#groupList) sum += mix.encodings;
    return sum;
  }

  add(node: MediaNode, options: MemberOptions): void {
    const member = new Member(node);
    this.members.push(member);
    node.bridgeId = this.id;
    this.change(node.id, options);
  }

  /** @returns false when the node is not here */
  change(nodeId: string, options: MemberOptions): boolean {
    const member = this.members.find(({ node }) => node.id === nodeId);
    if (!member) return false;
    if (options.hears !== undefined) member.hears = options.hears;
    if (options.heardBy !== undefined) member.heardBy = options.heardBy;
    if (options.isMuted !== undefined) member.isMuted = options.isMuted;
    if (options.gainDb !== undefined) member.gain = 10 ** (options.gainDb / 20);
    if (options.automaticLevel !== undefined)
      member.automatic = options.automaticLevel ? (member.automatic ?? new AutomaticLevel()) : undefined;
    this.#isDirty = true;
    return true;
  }

  remove(nodeId: string): boolean {
    const index = this.members.findIndex(({ node }) => node.id === nodeId);
    if (index < 0) return false;
    const [member] = this.members.splice(index, 1);
    member!.node.bridgeId = undefined;
    if (member!.node instanceof RtpLeg) member!.node.relayTo(undefined);
    this.#isDirty = true;
    return true;
  }

  /** Sums what is heard in this tick and hands it out. */
  mix(tick: Tick): void {
    if (this.#isDirty) this.#regroup();
    const { members } = this;
    for (let i = 0; i < members.length; i += 1) members[i]!.prepare();
    for (let i = 0; i < this.#groupList.length; i += 1) this.#groupList[i]!.mix.sum(this.#groupList[i]!.voices);
    for (let i = 0; i < members.length; i += 1) {
      const member = members[i]!;
      if (!member.node.canListen) continue;
      this.framesHeard += 1;
      member.node.consume(member.mix, member.isInOwnMix ? member : undefined, tick);
    }
  }

  /** After every measure of levels: tells who began and who stopped speaking. */
  reportSpeaking(report: (report: Report) => void): void {
    for (const member of this.members) {
      const isSpeaking = member.node.meter.isSpeaking && !member.isMuted && member.node.canSpeak;
      if (isSpeaking === member.isSpeaking) continue;
      member.isSpeaking = isSpeaking;
      report({ about: this.id, what: 'speaking', nodeId: member.node.id, isSpeaking });
    }
  }

  #regroup(): void {
    this.#isDirty = false;
    const numbers = new Map(this.members.map((member, index) => [member.node.id, index]));
    const openVoices: number[] = [];
    const choosyVoices: number[] = [];
    this.members.forEach((member, index) => {
      if (!member.node.canSpeak || member.heardBy === 'nobody') return;
      (member.heardBy === 'everyone' ? openVoices : choosyVoices).push(index);
    });
    const isListedFor = (voice: number, listener: number) => {
      const { heardBy } = this.members[voice]!;
      // A recorder that hears everyone hears whispers too: what was said must be provable.
      if (this.members[listener]!.node.isWitness) return true;
      return heardBy === 'everyone' || (heardBy !== 'nobody' && heardBy.includes(this.members[listener]!.node.id));
    };
    const openKey = openVoices.join();
    const groups = new Map<string, MixGroup>();
    const inherited: [Mix, Crossover][] = [];

    this.members.forEach((member, index) => {
      const heardBefore = member.mix?.crossover;
      member.mix = undefined;
      if (member.node instanceof RecorderNode && member.node.channels === 2) {
        this.#splitStereo(member, member.node, groups);
        return;
      }
      if (!member.node.canListen || member.hears === 'nobody') return;
      const isOpenVoice = member.node.canSpeak && member.heardBy === 'everyone';
      let key: string;
      let voices: () => number[];
      if (member.hears === 'everyone') {
        const extra = choosyVoices.filter((voice) => voice !== index && isListedFor(voice, index));
        key = `${openKey}+${extra.join()}`;
        voices = () => [...openVoices, ...extra];
        member.isInOwnMix = isOpenVoice;
      } else {
        const listed = [...new Set(member.hears)]
          .map((id) => numbers.get(id))
          .filter((voice): voice is number => voice !== undefined)
          .filter((voice) => this.members[voice]!.node.canSpeak && isListedFor(voice, index))
          .sort((a, b) => a - b);
        key = `=${listed.join()}`;
        voices = () => listed;
        member.isInOwnMix = false;
      }
      member.mix = this.#mixOf(groups, key, () => voices().map((voice) => this.members[voice]!));
      if (heardBefore) inherited.push([member.mix, heardBefore]);
    });
    // Filters and encoders go on with their listeners: whoever joins or leaves makes no click.
    const inUse = new Set([...groups.values()].map(({ mix }) => mix.crossover));
    for (const [mix, crossover] of inherited) {
      if (mix.crossover || inUse.has(crossover)) continue;
      mix.crossover = crossover;
      inUse.add(crossover);
    }

    for (const [key, { mix }] of this.#groups) if (!groups.has(key)) this.#encodingsOfGoneMixes += mix.encodings;
    this.#groups = groups;
    this.#groupList = [...groups.values()];
    this.#pairUp();
  }

  /** Two legs that simply talk to each other pass their packets on as they come, past jitter buffer and tick. */
  #pairUp(): void {
    const [a, b] = this.members;
    this.isRelaying = this.members.length === 2 && isPlainlyHeard(a!, b!) && isPlainlyHeard(b!, a!);
    for (const member of this.members) {
      if (!(member.node instanceof RtpLeg)) continue;
      const other = member === a ? b : a;
      member.node.relayTo(this.isRelaying ? (other!.node as RtpLeg) : undefined);
    }
  }
  /** Left: the nodes that were named, or else the first RTP leg that joined. Right: everyone else. */
  #splitStereo(member: Member, recorder: RecorderNode, groups: Map<string, MixGroup>): void {
    const voices = this.members.filter(({ node, heardBy }) => node.canSpeak && heardBy !== 'nobody');
    const first = voices.find(({ node }) => node.canListen);
    const isLeft = ({ node }: Member) => (recorder.left.size > 0 ? recorder.left.has(node.id) : node === first?.node);
    const keyOf = (side: Member[]) =>
      `=${side.map(({ node }) => this.members.findIndex((m) => m.node === node)).join()}`;
    const left = voices.filter(isLeft);
    const right = voices.filter((voice) => !isLeft(voice));
    recorder.leftMix = this.#mixOf(groups, keyOf(left), () => left);
    member.mix = this.#mixOf(groups, keyOf(right), () => right);
  }

  /** The mix under this key, kept from before where possible, so that its count of encodings goes on. */
  #mixOf(groups: Map<string, MixGroup>, key: string, voices: () => Member[]): Mix {
    let group = groups.get(key);
    if (!group) {
      group = { mix: this.#groups.get(key)?.mix ?? new Mix(), voices: voices() };
      groups.set(key, group);
    }
    return group.mix;
  }
}

/** `listener` hears `voice`, as it is. */
function isPlainlyHeard(voice: Member, listener: Member): boolean {
  if (!(voice.node instanceof RtpLeg) || voice.isMuted || voice.gain !== 1 || voice.automatic) return false;
  const allows = (hearing: Hearing, id: string) =>
    hearing === 'everyone' || (hearing !== 'nobody' && hearing.includes(id));
  return allows(listener.hears, voice.node.id) && allows(voice.heardBy, listener.node.id);
}
