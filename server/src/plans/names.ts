/**
 * How a plan names people, zones and other things of the site, and how a misspelt name finds its neighbour.
 * A person is written as his id, a group as `group:<id>`, and what is only known when the plan runs as `{parameter}`
 * or `{alarm.contacts}`.
 */
import { z } from 'zod';
import type { StepDirectory, StepScope } from './step.ts';

/** What may be a name; whether there is one such is looked up later, so that a name in Chinese leads to the id. */
const NAME_OR_PLACEHOLDER = /^(?:[^{}\s][^{}]{0,79}|\{[a-z][A-Za-z0-9._-]{0,63}\})$/;

/** A name that the run fills in: a parameter's, or one of the alarm's. */
export const PLACEHOLDER = /^\{([a-z][A-Za-z0-9._-]{0,63})\}$/;

export const PersonReference = z
  .string()
  .regex(NAME_OR_PLACEHOLDER, 'person')
  .meta({ description: 'A person’s id, `group:<id>`, `{alarm.person}`, `{alarm.contacts}` or `{parameter}`' });
export const ThingReference = z
  .string()
  .regex(NAME_OR_PLACEHOLDER, 'thing')
  .meta({ description: 'An id of the site, or `{parameter}`' });

/** Groups are nested no deeper than this; what lies deeper is left out. */
const GROUP_DEPTH = 8;

/** The people that references mean now, in order, each once. What cannot be found is left out: loading has complained of it. */
export function peopleOf(references: readonly string[], scope: StepScope): string[] {
  const found = new Set<string>();
  const add = (reference: string, depth: number): void => {
    if (depth > GROUP_DEPTH) return;
    const placeholder = PLACEHOLDER.exec(reference)?.[1];
    if (placeholder === 'alarm.person') {
      if (scope.alarm?.person) add(scope.alarm.person, depth + 1);
    } else if (placeholder === 'alarm.contacts') {
      for (const contact of contactsOf(scope)) add(contact, depth + 1);
    } else if (placeholder) {
      const value = scope.parameters[placeholder];
      if (typeof value === 'string' && !PLACEHOLDER.test(value)) add(value, depth + 1);
    } else if (reference.startsWith('group:')) {
      for (const member of scope.directory.group(reference.slice(6))?.people ?? []) add(member, depth + 1);
    } else if (scope.directory.person(reference)) found.add(reference);
  };
  for (const reference of references) add(reference, 0);
  return [...found];
}

/** People named, but for some, or only those who are also among others: `except` and `within`. */
export function chosenPeople(
  choice: { people: string[]; except?: string[]; within?: string[] },
  scope: StepScope,
): string[] {
  const except = new Set(peopleOf(choice.except ?? [], scope));
  const within = choice.within && new Set(peopleOf(choice.within, scope));
  return peopleOf(choice.people, scope).filter((person) => !except.has(person) && (!within || within.has(person)));
}

/** The contacts in the care file of the alarm's person, in the order in which they want to be called. */
function contactsOf(scope: StepScope): string[] {
  const person = scope.alarm?.person ? scope.directory.person(scope.alarm.person) : undefined;
  return person?.care?.contacts.map((contact) => contact.person) ?? [];
}

/** The ids of zones, channels or gauges that references mean now; `all` is every zone of the site. */
export function thingsOf(references: readonly string[], scope: StepScope): string[] {
  const found = references.flatMap((reference) => {
    const placeholder = PLACEHOLDER.exec(reference)?.[1];
    if (reference === 'all') return scope.directory.site.zones.map((zone) => zone.id);
    if (placeholder === 'alarm.zone') return scope.alarm?.zone ? [scope.alarm.zone] : [];
    if (!placeholder) return [reference];
    const value = scope.parameters[placeholder];
    return typeof value === 'string' ? [value] : [];
  });
  return [...new Set(found)];
}

/** What to say for a person in a line on the desk. */
export function nameOfPerson(directory: StepDirectory, id: string): string {
  return directory.person(id)?.name.zh ?? id;
}

/** The known name that was most likely meant, or undefined when none is near. `known` maps an id to its other names. */
export function nearest(
  word: string,
  known: Iterable<readonly [id: string, ...otherNames: string[]]>,
): string | undefined {
  let best: { id: string; distance: number } | undefined;
  for (const names of known) {
    for (const name of names) {
      const distance = editDistance(word.toLowerCase(), name.toLowerCase());
      const isNear = distance <= Math.max(1, Math.floor(Math.max(word.length, name.length) / 3));
      if (isNear && (!best || distance < best.distance)) best = { id: names[0], distance };
    }
  }
  return best?.id;
}

/** Letters to add, drop, change or swap: optimal string alignment. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + change);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
