import { nameOf, t } from '#i18n/language.svelte.ts';
import { session } from './session.svelte.ts';

/** Whom a user's id stands for. */
export function userName(id: string | undefined): string {
  if (!id) return '—';
  if (id === 'system') return t.common.system;
  if (id === session.me?.user) return nameOf(session.me.name);
  const user = session.directory.users.get(id);
  if (user) return nameOf(user.name);
  return personName(id);
}

export function personName(id: string | undefined): string {
  if (!id) return '—';
  const { people, zones, channels } = session.directory;
  return nameOf(people.get(id)?.name ?? zones.get(id)?.name ?? channels.get(id)?.name ?? { zh: id });
}

/** What fits on a key: 王建国 as it is, Wang Jianguo as Wang J. */
export function shortPersonName(id: string): string {
  const name = personName(id);
  const [family, given] = name.split(' ');
  return family && given && /^[A-Za-z]/.test(given) ? `${family} ${given[0]}.` : name;
}

/** 水利局: the unit someone belongs to. */
export function unitName(personId: string): string {
  const person = session.directory.people.get(personId);
  const unit = person && session.directory.organisations.get(person.organisation);
  return unit ? nameOf(unit.name) : '';
}
