import type { RoutingStage } from '../routing.ts';

/** Short codes that the owner of the phone keeps: the rest of the way is that of the number behind it. */
export const speedDial: RoutingStage = {
  id: 'speed-dial',
  name: { zh: '缩位拨号', en: 'Short codes' },
  look({ called, account }, { site, shortCode }) {
    const { speedDial: code } = site.features.dialled;
    if (account === undefined || !called.startsWith(code)) return undefined;
    const number = shortCode?.(account, called.slice(code.length));
    if (number === undefined) return undefined;
    return {
      kind: 'goes-on',
      change: { called: number },
      said: { zh: `${called} 是缩位号，即 ${number}`, en: `${called} is a short code for ${number}` },
    };
  },
};
