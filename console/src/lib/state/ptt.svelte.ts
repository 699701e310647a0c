import { t } from '#i18n/language.svelte.ts';
import { phone } from '#phone/phone.svelte.ts';
import { sounds } from '#sound/sounds.ts';
import { failureInWords } from './act.ts';
import { desk } from './desk.svelte.ts';
import { command, live, session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/**
 * Push to talk. The press asks the server for the floor; the microphone goes to the channel when it is granted, and back
 * at the release, whatever the server has answered by then.
 */
class PushToTalk {
  /** The channel whose key is down. */
  pressedOn = $state<string | undefined>();
  isAsking = $state(false);
  #press = 0;

  /** The channel that the big key and the right Ctrl speak on. */
  get channel(): string | undefined {
    const { channels } = session.directory;
    if (desk.channel && channels.has(desk.channel)) return desk.channel;
    return channels.keys().next().value;
  }

  /** This seat is on air, by the server's word. */
  get onAir(): string | undefined {
    for (const channel of live.channels.values()) {
      if (channel.state === 'transmitting' && channel.holder !== undefined && channel.holder === session.me?.user)
        return channel.id;
    }
    return undefined;
  }

  async press(channel = this.channel): Promise<void> {
    if (!channel || this.pressedOn) return;
    const press = ++this.#press;
    desk.channel = channel;
    this.pressedOn = channel;
    this.isAsking = true;
    const result = await command({ do: 'floor.request', channel });
    if (press !== this.#press) {
      // Released, or pressed anew, while the server was deciding: what it granted meanwhile is given back.
      if (result.ok && this.pressedOn !== channel) void command({ do: 'floor.release', channel });
      return;
    }
    this.isAsking = false;
    if (result.ok) {
      phone.speakOn(channel);
      sounds.play('granted');
    } else {
      sounds.play('refused');
      toasts.show({ kind: 'warning', text: failureInWords(result.code, result.message) });
    }
  }

  release(): void {
    const channel = this.pressedOn;
    if (!channel) return;
    this.#press += 1;
    this.pressedOn = undefined;
    this.isAsking = false;
    phone.speakOn(undefined);
    void command({ do: 'floor.release', channel });
  }

  /** Holding a zone's key: the seat's phone is called and heard on the loudspeakers until the release. */
  async speakOnZone(zone: string): Promise<void> {
    phone.speakOn('pa');
    const result = await command({ do: 'page.speak', zones: [zone] });
    if (!result.ok) {
      phone.speakOn(undefined);
      toasts.show({ kind: 'warning', text: failureInWords(result.code, result.message) });
    }
  }

  stopSpeakingOnZone(zone: string): void {
    phone.speakOn(undefined);
    void command({ do: 'page.stop', zones: [zone] });
  }

  /** What the big key says under the channel's name. */
  get line(): string {
    const channel = this.channel ? live.channels.get(this.channel) : undefined;
    if (this.isAsking) return t.phone.asking;
    switch (channel?.state) {
      case 'receiving':
      case 'transmitting':
        return channel.talker ? t.phone.channelBusy(channel.talker) : t.states.channel[channel.state];
      case 'down':
        return t.phone.channelDown;
      default:
        return t.phone.channelIdle;
    }
  }
}

export const ptt = new PushToTalk();
