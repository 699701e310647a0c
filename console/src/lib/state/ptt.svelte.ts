import { t } from '#i18n/language.svelte.ts';
import { phone } from '#phone/phone.svelte.ts';
import { sounds } from '#sound/sounds.ts';
import { failureInWords } from './act.ts';
import { desk } from './desk.svelte.ts';
import { command, live, session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/**
 * Push to talk. The press opens the microphone to the channel and asks the server for the floor; nothing goes on the air
 * before the floor is given, and what was said since the press goes out first. While somebody else speaks the press waits
 * for its turn as long as the key is held.
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

  /** The floor is not ours yet: somebody speaks, and the held key waits for its turn. */
  isWaiting = $state(false);

  /** `emergency` takes the floor from everybody. */
  async press(channel = this.channel, emergency = false): Promise<void> {
    if (!channel || this.pressedOn) return;
    const press = ++this.#press;
    desk.channel = channel;
    this.pressedOn = channel;
    this.isAsking = true;
    phone.speakOn(channel);
    const result = await command({ do: 'floor.request', channel, queue: true, emergency });
    if (press !== this.#press) {
      // Released, or pressed anew, while the server was deciding: what it granted meanwhile is given back.
      if (result.ok && this.pressedOn !== channel) void command({ do: 'floor.release', channel });
      return;
    }
    this.isAsking = false;
    if (result.ok) {
      this.isWaiting = (result.value as { kind?: string } | undefined)?.kind === 'queued';
      // The phone may have been called only now.
      phone.speakOn(channel);
      if (!this.isWaiting) sounds.play('granted');
    } else {
      phone.speakOn(undefined);
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
    this.isWaiting = false;
    phone.speakOn(undefined);
    void command({ do: 'floor.release', channel });
  }

  /** Told of every change of the channel whose key is held: his turn has come, or the floor was taken from him. */
  follow(isOnAir: boolean, wasOnAir: boolean): void {
    if (isOnAir && this.isWaiting) {
      this.isWaiting = false;
      sounds.play('granted');
    }
    if (!isOnAir && wasOnAir && this.pressedOn) {
      sounds.play('refused');
      toasts.show({ kind: 'warning', text: t.phone.floorLost });
    }
  }

  /** His place in the queue; 0 when he does not wait. */
  get place(): number {
    const queue = this.channel ? live.channels.get(this.channel)?.queue : undefined;
    return (queue?.findIndex(({ id }) => id === session.me?.user) ?? -1) + 1;
  }

  /** Holding a zone's key: the seat's phone is called and heard on the loudspeakers until the release. */
  async speakOnZone(zone: string): Promise<void> {
    phone.speakOn('pa');
    const result = await command({ do: 'page.speak', zones: [zone], priority: 'urgent' });
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
    if (this.isWaiting && channel?.talker) return t.phone.waiting(this.place, channel.talker);
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
