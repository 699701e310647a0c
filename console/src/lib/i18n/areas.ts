import { alarm } from './alarm.ts';
import { calls } from './calls.ts';
import { checks } from './checks.ts';
import { common } from './common.ts';
import { desk } from './desk.ts';
import { entries } from './entries.ts';
import { errors } from './errors.ts';
import { field } from './field.ts';
import { header } from './header.ts';
import { login } from './login.ts';
import { map } from './map.ts';
import { orders } from './orders.ts';
import { phone } from './phone.ts';
import { recordings } from './recordings.ts';
import { run } from './run.ts';
import { settings } from './settings.ts';
import { states } from './states.ts';
import { texts } from './texts.ts';
import { timeline } from './timeline.ts';
import { security } from './security.ts';
import { trunks } from './trunks.ts';
import { video } from './video.ts';

/** Every area of the screen and its words. */
export const AREAS = {
  calls,
  checks,
  common,
  states,
  errors,
  entries,
  alarm,
  run,
  settings,
  desk,
  header,
  login,
  map,
  orders,
  phone,
  recordings,
  texts,
  timeline,
  security,
  trunks,
  field,
  video,
};
