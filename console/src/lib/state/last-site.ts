import type { Name } from '@tocsin/protocol/common.ts';

const REMEMBERED_AS = 'tocsin.site';

/** The site's name as last seen from this browser: what the log-in page can say before anyone is logged in. */
export function lastSiteName(): Name | undefined {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED_AS) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

export function rememberSiteName(name: Name): void {
  try {
    localStorage.setItem(REMEMBERED_AS, JSON.stringify(name));
  } catch {
    // The next log-in page says the product's name instead.
  }
}
