import { redirect } from '@sveltejs/kit';

/** The desk asks for a log-in by itself when there is no session. */
export function load(): never {
  redirect(307, '/desk');
}
