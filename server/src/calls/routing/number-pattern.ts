import type { NumberRewrite } from '@tocsin/protocol/routing.ts';

/** Patterns compiled once; a site has some thousands. */
const compiled = new Map<string, RegExp>();
const COMPILED_LIMIT = 50_000;

/** Whether a number fits a pattern (protocol/routing.ts, NumberPattern). Takes time linear in the number's length. */
export function fits(number: string, pattern: string): boolean {
  let expression = compiled.get(pattern);
  if (!expression) {
    if (compiled.size >= COMPILED_LIMIT) compiled.clear();
    expression = compile(pattern);
    compiled.set(pattern, expression);
  }
  return expression.test(number);
}

/** Applies the first rule that fits. */
export function rewrite(number: string, rules: readonly NumberRewrite[]): string {
  const rule = rules.find(({ match }) => fits(number, match));
  return rule ? rule.add + number.slice(rule.strip) : number;
}

/** No part of the expression can repeat but the last dot, so that nothing is tried twice. */
function compile(pattern: string): RegExp {
  const body = pattern.replace(/\.$/, '').replaceAll(/x|\[[^\]]*\]|[*+#]/g, (part) => {
    if (part === 'x') return '[0-9]';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${body}${pattern.endsWith('.') ? '.*' : ''}$`, 's');
}
