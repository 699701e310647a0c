import type { Target } from '@tocsin/protocol/console.ts';
import type { Person } from '@tocsin/protocol/directory.ts';
import type { Directory } from '#directory/directory.ts';
import { DispatchError } from '#kernel/errors.ts';

/** The people that targets name, each once, in order. @throws DispatchError PERSON_UNKNOWN */
export function peopleOf(targets: readonly Target[], directory: Pick<Directory, 'person' | 'group'>): Person[] {
  const people = new Map<string, Person>();
  const add = (id: string) => {
    const person = directory.person(id);
    if (!person) throw new DispatchError('PERSON_UNKNOWN', id);
    people.set(id, person);
  };
  for (const target of targets) {
    if ('person' in target) add(target.person);
    if ('group' in target) {
      const group = directory.group(target.group);
      if (!group) throw new DispatchError('PERSON_UNKNOWN', target.group);
      group.people.forEach(add);
    }
  }
  return [...people.values()];
}
