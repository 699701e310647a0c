/** Topic names and filters: MQTT 3.1.1 §4.7. */

/** Longest topic name or filter taken, in characters; our own are far shorter. */
const MAX_TOPIC_CHARACTERS = 512;

/** Whether `text` can stand as a filter: `+` and `#` alone in their level, `#` only last (§4.7.1). */
export function isFilter(text: string): boolean {
  if (text.length === 0 || text.length > MAX_TOPIC_CHARACTERS || text.includes('\0')) return false;
  const levels = text.split('/');
  return levels.every((level, index) => {
    if (level === '#') return index === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}

/** Whether `text` can stand as the topic of a message: no wildcards, not empty (§4.7.3). */
export function isTopic(text: string): boolean {
  return text.length > 0 && text.length <= MAX_TOPIC_CHARACTERS && !/[+#\0]/.test(text);
}

/** Whether a message on `topic` reaches a subscription with this filter. Wildcards do not reach `$` topics (§4.7.2). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const given = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= given.length) return false;
    if (level !== '+' && level !== given[index]) return false;
  }
  return wanted.length === given.length;
}

/** Whether everything that `narrow` lets through is also let through by `wide`. */
export function covers(wide: string, narrow: string): boolean {
  const outer = wide.split('/');
  const inner = narrow.split('/');
  for (const [index, level] of outer.entries()) {
    if (level === '#') return true;
    if (index >= inner.length || inner[index] === '#') return false;
    if (level !== '+' && level !== inner[index]) return false;
  }
  return outer.length === inner.length;
}
