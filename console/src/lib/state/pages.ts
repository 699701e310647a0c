import { t } from '#i18n/language.svelte.ts';
import type { IconName } from '#ui/icons/icons.ts';

/** A page of the console: G and its key go there. */
export interface Page {
  href: string;
  key: string;
  icon: IconName;
  label: string;
}

/** Every page that one goes to, in the order of the menu. */
export function pages(): Page[] {
  const words = t.header.page;
  return [
    { href: '/desk', key: 'd', icon: 'home', label: words.desk },
    { href: '/timeline', key: 't', icon: 'clock', label: words.timeline },
    { href: '/video', key: 'v', icon: 'camera', label: words.video },
    { href: '/calls', key: 'l', icon: 'phone', label: words.calls },
    { href: '/recordings', key: 'r', icon: 'mic', label: words.recordings },
    { href: '/texts', key: 'm', icon: 'text', label: words.texts },
    { href: '/orders', key: 'o', icon: 'flow', label: words.orders },
    { href: '/check', key: 'c', icon: 'check', label: words.check },
    { href: '/settings/trunks', key: 'x', icon: 'link', label: words.trunks },
    { href: '/settings/security', key: 'y', icon: 'lock', label: words.security },
    { href: '/settings', key: 's', icon: 'settings', label: words.settings },
  ];
}
