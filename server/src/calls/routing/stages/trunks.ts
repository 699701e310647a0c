import type { RoutingStage } from '../routing.ts';

/** The trunks whose prefix the number begins with: the longest prefix has it. */
export const trunks: RoutingStage = {
  id: 'trunks',
  name: { zh: '中继', en: 'Trunks' },
  look({ called }, { site }) {
    const leading = site.trunks.filter(
      ({ send }) => send && called.startsWith(send.prefix) && called.length > send.prefix.length,
    );
    const longest = Math.max(...leading.map(({ send }) => send!.prefix.length));
    const chosen = leading.filter(({ send }) => send!.prefix.length === longest);
    if (chosen.length === 0) return undefined;
    const ways = chosen.map(({ id, send }) => ({
      trunk: id,
      host: send!.host,
      port: send!.port,
      number: send!.stripPrefix ? called.slice(longest) : called,
    }));
    const prefix = called.slice(0, longest);
    const names = (language: 'zh' | 'en') => chosen.map(({ name }) => name[language] ?? name.zh).join(', ');
    return {
      kind: 'leads',
      to: { kind: 'trunk', ways },
      said: {
        zh: `字冠 ${prefix} 走中继：${names('zh')}`,
        en: `Prefix ${prefix} goes out by: ${names('en')}`,
      },
    };
  },
};
