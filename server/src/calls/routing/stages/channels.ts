import { english } from '../words.ts';
import type { RoutingStage } from '../routing.ts';

/** The numbers of radio channels. Only phones of the house get on the air by dialling. */
export const channels: RoutingStage = {
  id: 'channels',
  name: { zh: '无线信道', en: 'Radio channels' },
  look({ called, account }, { site }) {
    const channel = site.channels.find(({ number }) => number === called);
    if (!channel || account === undefined) return undefined;
    const { zh } = channel.name;
    return {
      kind: 'leads',
      to: { kind: 'channel', id: channel.id },
      said: { zh: `${called} 是信道“${zh}”`, en: `${called} is the channel “${english(channel.name)}”` },
    };
  },
};
