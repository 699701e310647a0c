// The console is one page served from disk; everything it shows comes over the link.
export const ssr = false;
export const prerender = false;
