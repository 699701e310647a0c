import { alarms } from './alarms.ts';
import { bookings } from './bookings.ts';
import { calls } from './calls.ts';
import { cameras } from './cameras.ts';
import { channels } from './channels.ts';
import { checks } from './checks.ts';
import { conferences } from './conferences.ts';
import { devices } from './devices.ts';
import { feeds } from './feeds.ts';
import { gateways } from './gateways.ts';
import { gauges } from './gauges.ts';
import { incidents } from './incidents.ts';
import { links } from './links.ts';
import { orders } from './orders.ts';
import { phones } from './phones.ts';
import { plans } from './plans.ts';
import { presence } from './presence.ts';
import { runs } from './runs.ts';
import { shelves } from './shelves.ts';
import { supervisions } from './supervisions.ts';
import { system } from './system.ts';
import { threads } from './threads.ts';
import { trunks } from './trunks.ts';
import { zones } from './zones.ts';

/** Every noun that the console shows live. */
export const NOUNS = [
  system,
  links,
  trunks,
  plans,
  alarms,
  shelves,
  incidents,
  runs,
  conferences,
  calls,
  supervisions,
  phones,
  bookings,
  presence,
  zones,
  channels,
  gauges,
  devices,
  feeds,
  cameras,
  threads,
  orders,
  gateways,
  checks,
] as const;
