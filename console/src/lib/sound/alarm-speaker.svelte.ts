import { sounds } from './sounds.ts';

const REMEMBERED_AS = 'tocsin.loudspeaker';

/** The loudspeaker that alarms sound from; remembered for this seat. */
class AlarmSpeaker {
  device = $state('');

  constructor() {
    try {
      this.device = localStorage.getItem(REMEMBERED_AS) ?? '';
    } catch {
      // The system's own, then.
    }
    if (this.device) sounds.chooseLoudspeaker(this.device);
  }

  choose(device: string): void {
    this.device = device;
    sounds.chooseLoudspeaker(device);
    try {
      localStorage.setItem(REMEMBERED_AS, device);
    } catch {
      // The choice lasts as long as the page.
    }
  }
}

export const alarmSpeaker = new AlarmSpeaker();
