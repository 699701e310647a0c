import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { escapeXml, textOf, type XmlElement } from '../../kit/xml.ts';
import { ask, find, type SoapAccount, type SoapAnswer } from './soap.ts';

const DEVICE = 'http://www.onvif.org/ver10/device/wsdl';
const MEDIA = 'http://www.onvif.org/ver10/media/wsdl';
const PTZ = 'http://www.onvif.org/ver20/ptz/wsdl';
const SCHEMA = 'http://www.onvif.org/ver10/schema';

/** Presets that are told; a camera may have 300. */
const PRESETS_AT_MOST = 32;

/** Where a camera shall go, from -1 to 1 of its speed in each direction; 0 stands still. */
export interface Movement {
  pan: number;
  tilt: number;
  zoom: number;
}

export interface Preset {
  id: string;
  name: string;
}

export type MoveOutcome = { kind: 'done' } | { kind: 'refused'; because: string };

interface Abilities {
  ptzUrl: string;
  profile: string;
  presets: Preset[];
  clockOffMs: number;
}

/** A camera's head by ONVIF (Device, Media and PTZ services, WS-UsernameToken): moved, stopped, sent to presets. */
export class OnvifCamera {
  readonly #url: string;
  readonly #account: SoapAccount;
  readonly #kit: { clock: Clock; chance: Chance };
  #abilities: Abilities | undefined;

  constructor(url: string, account: SoapAccount, kit: { clock: Clock; chance: Chance }) {
    this.#url = url;
    this.#account = account;
    this.#kit = kit;
  }

  /** What the camera was found to have; empty until `open` has succeeded. */
  get presets(): readonly Preset[] {
    return this.#abilities?.presets ?? [];
  }

  get isMovable(): boolean {
    return this.#abilities !== undefined;
  }

  /** Finds the PTZ service, the profile that moves, and the presets. Asked again after a camera was away. */
  async open(): Promise<MoveOutcome> {
    const time = await ask(this.#url, `<GetSystemDateAndTime xmlns="${DEVICE}"/>`, this.#kit);
    if (time.kind === 'unreachable') return refusal(time);
    const clockOffMs = time.kind === 'answered' ? clockOf(time.body, this.#kit.clock.now()) : 0;
    const services = await this.#ask(
      this.#url,
      `<GetCapabilities xmlns="${DEVICE}"><Category>All</Category></GetCapabilities>`,
      clockOffMs,
    );
    if (services.kind !== 'answered') return refusal(services);
    const mediaUrl = serviceOf(services.body, 'Media');
    const ptzUrl = serviceOf(services.body, 'PTZ');
    if (!mediaUrl || !ptzUrl) return { kind: 'refused', because: 'the camera has no PTZ service' };
    const profiles = await this.#ask(mediaUrl, `<GetProfiles xmlns="${MEDIA}"/>`, clockOffMs);
    if (profiles.kind !== 'answered') return refusal(profiles);
    const profile = profiles.body.children.find(
      (each) => each.name === 'Profiles' && each.children.some(({ name }) => name === 'PTZConfiguration'),
    )?.attributes['token'];
    if (!profile) return { kind: 'refused', because: 'no profile of the camera moves' };
    const presets = await this.#ask(
      ptzUrl,
      `<GetPresets xmlns="${PTZ}"><ProfileToken>${escapeXml(profile)}</ProfileToken></GetPresets>`,
      clockOffMs,
    );
    const found = presets.kind === 'answered' ? presetsOf(presets.body) : [];
    this.#abilities = { ptzUrl, profile, presets: found, clockOffMs };
    return { kind: 'done' };
  }

  /** Moves on for at most so long; the camera itself stops then, should our stop not reach it. */
  move({ pan, tilt, zoom }: Movement, forMs: number): Promise<MoveOutcome> {
    return this.#order(
      (profile) =>
        `<ContinuousMove xmlns="${PTZ}" xmlns:t="${SCHEMA}">${profile}<Velocity><t:PanTilt x="${pan}" y="${tilt}"/>` +
        `<t:Zoom x="${zoom}"/></Velocity><Timeout>PT${(forMs / 1000).toFixed(1)}S</Timeout></ContinuousMove>`,
    );
  }

  stop(): Promise<MoveOutcome> {
    return this.#order((profile) => `<Stop xmlns="${PTZ}">${profile}<PanTilt>true</PanTilt><Zoom>true</Zoom></Stop>`);
  }

  goTo(preset: string): Promise<MoveOutcome> {
    return this.#order(
      (profile) => `<GotoPreset xmlns="${PTZ}">${profile}<PresetToken>${escapeXml(preset)}</PresetToken></GotoPreset>`,
    );
  }

  async #order(content: (profile: string) => string): Promise<MoveOutcome> {
    if (!this.#abilities) {
      const opened = await this.open();
      if (opened.kind === 'refused') return opened;
    }
    const { ptzUrl, profile, clockOffMs } = this.#abilities!;
    const token = `<ProfileToken>${escapeXml(profile)}</ProfileToken>`;
    const answer = await this.#ask(ptzUrl, content(token), clockOffMs);
    return answer.kind === 'answered' ? { kind: 'done' } : refusal(answer);
  }

  #ask(url: string, content: string, clockOffMs: number): Promise<SoapAnswer> {
    return ask(url, content, { ...this.#kit, account: this.#account, clockOffMs });
  }
}

const refusal = (answer: Exclude<SoapAnswer, { kind: 'answered' }>): MoveOutcome => {
  if (answer.kind === 'unreachable') return { kind: 'refused', because: `camera-unreachable: ${answer.why}` };
  return { kind: 'refused', because: answer.isNotAuthorized ? 'camera-password-wrong' : answer.reason };
};

/** The address of a service in the answer of GetCapabilities (ONVIF Core §8.1.2.2). */
export function serviceOf(body: XmlElement, name: string): string | undefined {
  const url = textOf(find(body, name) ?? body, 'XAddr');
  return url && /^http:\/\/[^\s]+$/.test(url) ? url : undefined;
}

export function presetsOf(body: XmlElement): Preset[] {
  return body.children.slice(0, PRESETS_AT_MOST).flatMap((each) => {
    const id = each.attributes['token'];
    return each.name === 'Preset' && id ? [{ id, name: (textOf(each, 'Name') ?? id).slice(0, 40) }] : [];
  });
}

/** How far the camera's clock is ahead (ONVIF Core §8.1.2.1, UTCDateTime); 0 where it says nothing. */
export function clockOf(body: XmlElement, nowMs: number): number {
  const utc = find(body, 'UTCDateTime');
  const number = (name: string) =>
    Number(textOf(find(utc, 'Time') ?? body, name) ?? textOf(find(utc, 'Date') ?? body, name));
  const at = Date.UTC(
    number('Year'),
    number('Month') - 1,
    number('Day'),
    number('Hour'),
    number('Minute'),
    number('Second'),
  );
  return Number.isNaN(at) ? 0 : at - nowMs;
}
