import type { GatewayCommand } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Alarms } from '#alarms/alarms.ts';
import type { Blacklist } from '#calls/blacklist.ts';
import type { Announcements } from '#calls/announcement.ts';
import type { Bookings } from '#calls/booked-calls.ts';
import type { CampOns } from '#calls/camp-ons.ts';
import type { CallList } from '#calls/call-list.ts';
import type { Conferences } from '#calls/conferences.ts';
import type { Dialler } from '#calls/dialler.ts';
import type { GatewayResources } from '#calls/gateway-resources.ts';
import type { KeptCalls } from '#calls/kept-calls.ts';
import type { Lamps } from '#calls/lamps.ts';
import type { Lines } from '#calls/lines.ts';
import type { ParkedCalls } from '#calls/parked-calls.ts';
import type { Supervisions } from '#calls/supervision.ts';
import type { Seeker } from '#calls/seek.ts';
import type { OpenMedia } from '#calls/dialler.ts';
import type { Recordings } from '#calls/recording.ts';
import type { UnpackedRecordings } from '#calls/unpacked-recordings.ts';
import type { RoutingBook } from '#calls/routing/routing.ts';
import type { WaitingCalls } from '#calls/waiting-calls.ts';
import type { OutOfService } from '#calls/trunks/out-of-service.ts';
import type { Trunks } from '#calls/trunks/trunks.ts';
import type { Directory } from '#directory/directory.ts';
import type { Incidents } from '#incidents/incidents.ts';
import type { Warnings } from '#incidents/warnings.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Texts } from '#messages/texts.ts';
import type { Threads } from '#messages/threads.ts';
import type { Plans } from '#plans/book.ts';
import type { Runs } from '#plans/runs.ts';
import type { Sfu } from '#sfu/sfu.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Feeds } from '#video/feeds.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { Store } from '#store/store.ts';
import type { Phones } from './phones.ts';
import type { SeatsTaken } from './seats-taken.ts';
import type { SystemState } from './system-state.ts';
import type { GatewayAsks } from './gateway-asks.ts';
import type { Checks } from './checks.ts';
import type { Orders } from './orders.ts';

/** Everything the control room works with: opened by `main`, handed to what dispatchers do. */
export interface Desk {
  clock: Clock;
  chance: Chance;
  log: Log;
  directory: Directory;
  timeline: Timeline;
  engine: MediaEngine;
  sfu: Sfu;
  dialler: Dialler;
  seeker: Seeker;
  supervisions: Supervisions;
  openMedia: OpenMedia;
  lines: Lines;
  trunks: Trunks;
  outOfService: OutOfService;
  blacklist: Blacklist;
  /** What routing reads. */
  routingBook: RoutingBook;
  /** Counts on the security page. */
  countMisdeed: UserAgent['countMisdeed'];
  /** Who tries the telephone side's doors, and letting him in again. */
  security: { snapshot: UserAgent['security']; release: UserAgent['releaseSource'] };
  kept: KeptCalls;
  calls: CallList;
  parked: ParkedCalls;
  lamps: Lamps;
  campOns: CampOns;
  waiting: WaitingCalls;
  bookings: Bookings;
  conferences: Conferences;
  announcements: Announcements;
  resources: GatewayResources;
  recordings: Recordings;
  unpacked: UnpackedRecordings;
  alarms: Alarms;
  incidents: Incidents;
  warnings: Warnings;
  /** A command with an id of its own; resolves when the broker has it. */
  sendToGateway(gateway: string, command: GatewayCommand): Promise<void>;
  plans: Plans;
  runs: Runs;
  asks: GatewayAsks;
  check: Checks;
  /** Asks a SIP peer by OPTIONS whether it lives. */
  ping: UserAgent['ping'];
  texts: Texts;
  threads: Threads;
  orders: Orders;
  feeds: Feeds;
  system: SystemState;
  phones: Phones;
  seatsTaken: SeatsTaken;
  store: Store;
  /** What browsers reach us by: http://host:port. */
  publicUrl: string;
  /** On demonstration sites: what the simulated edges can be told. */
  simulators?: { pressDevice(device: string): void; radioSpeaks(channel: string, seconds: number): void };
  holdMusicFile: string;
  /** Where the site's files are. */
  siteFolder: string;
  /** Recordings and documents lie below it. */
  dataFolder: string;
  /** Where backups of recordings go. */
  backupFolder: string;
}

/** Who acts: a logged-in user at his seat. */
export interface Actor {
  user: string;
  name: string;
  /** The SIP account of his seat, when he has one. */
  account?: string;
}
