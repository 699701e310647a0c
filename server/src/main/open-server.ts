import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Site } from '@tocsin/protocol/directory.ts';
import { openAlarms } from '#alarms/alarms.ts';
import { Announcements } from '#calls/announcement.ts';
import { Blacklist } from '#calls/blacklist.ts';
import { CampOns } from '#calls/camp-ons.ts';
import { CallList } from '#calls/call-list.ts';
import { RadioChannel } from '#calls/channel.ts';
import { Conferences } from '#calls/conferences.ts';
import { Dialler, type OpenMedia } from '#calls/dialler.ts';
import { GatewayResources } from '#calls/gateway-resources.ts';
import { holdMusic } from '#calls/hold-music.ts';
import { KeptCalls } from '#calls/kept-calls.ts';
import { Lamps } from '#calls/lamps.ts';
import { Lines } from '#calls/lines.ts';
import { OutsideCalls } from '#calls/outside-calls.ts';
import { ParkedCalls } from '#calls/parked-calls.ts';
import { PlainMedia } from '#calls/plain-media.ts';
import { Recordings } from '#calls/recording.ts';
import { RecordingPacker } from '#calls/recording-packer.ts';
import { UnpackedRecordings } from '#calls/unpacked-recordings.ts';
import { decideRecording } from '#calls/recording-rules.ts';
import type { RoutingBook } from '#calls/routing/routing.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { Supervisions } from '#calls/supervision.ts';
import { OutOfService } from '#calls/trunks/out-of-service.ts';
import { Trunks } from '#calls/trunks/trunks.ts';
import { WaitingCalls } from '#calls/waiting-calls.ts';
import { WebRtcMedia } from '#calls/web-rtc-media.ts';
import { openDirectory } from '#directory/directory.ts';
import { BookingClerk } from '#dispatch/book-call.ts';
import { lightLamps } from '#dispatch/light-lamps.ts';
import { answerCall } from '#dispatch/answer-call.ts';
import { recountIncidents } from '#dispatch/keep-incident.ts';
import { keepCalls } from '#dispatch/keep-calls.ts';
import { takeUpCalls } from '#dispatch/take-up-calls.ts';
import { keepFeeds, restoreFeeds } from '#dispatch/ask-for-feed.ts';
import type { Desk } from '#dispatch/desk.ts';
import { GatewayAsks } from '#dispatch/gateway-asks.ts';
import { MorningCheck } from '#dispatch/morning-check.ts';
import { OrderClerk } from '#dispatch/order-clerk.ts';
import { openSeeker } from '#dispatch/open-seeker.ts';
import { Phones } from '#dispatch/phones.ts';
import { planPorts } from '#dispatch/plan-ports.ts';
import { recordCamerasInRuns } from '#dispatch/record-cameras.ts';
import { SeatsTaken } from '#dispatch/seats-taken.ts';
import { SystemState } from '#dispatch/system-state.ts';
import { noteIntruders } from '#dispatch/note-intruders.ts';
import { closeBehindRuns } from '#dispatch/close-behind-runs.ts';
import { followAlarms } from '#dispatch/raise-alarm.ts';
import { tellPreparing } from '#dispatch/tell-preparing.ts';
import { followCameras } from '#dispatch/open-camera.ts';
import { followFeeds, recoverVideo } from '#dispatch/watch-feed.ts';
import { openIncidents } from '#incidents/incidents.ts';
import { Warnings } from '#incidents/warnings.ts';
import { systemChance } from '#kernel/chance.ts';
import { sleep, systemClock, type Clock } from '#kernel/clock.ts';
import { openLog, type Log } from '#kernel/log.ts';
import { openMediaEngine } from '#media/engine.ts';
import { openTexts } from '#messages/texts.ts';
import { openThreads } from '#messages/threads.ts';
import { openBroker } from '#mqtt/broker.ts';
import { openMqtt } from '#mqtt/client.ts';
import { openPlans } from '#plans/book.ts';
import { openRuns } from '#plans/runs.ts';
import { openSfu } from '#sfu/sfu.ts';
import { openUserAgent } from '#sip/user-agent/user-agent.ts';
import { openStore } from '#store/store.ts';
import { openTimeline } from '#timeline/timeline.ts';
import { Feeds } from '#video/feeds.ts';
import { openDoors } from '#api/doors.ts';
import { GatewayCommands, openGatewayDoor } from '#api/gateway/door.ts';
import type { Config } from './config.ts';
import { Edges } from './edges.ts';
import { mqttUsersOfSite } from './mqtt-users.ts';
import { writeRunFile } from './run-file.ts';

/** A running server. */
export interface Server extends AsyncDisposable {
  http: string;
  sip: string;
  mqtt: string;
  /** Made up on the first run when none was given: to be shown once. */
  generatedPassword?: string;
}

/** Opens every part in order; what fails closes those before it. Closing goes in reverse. */
export async function openServer(config: Config): Promise<Server> {
  const clock = systemClock;
  const chance = systemChance;
  const log = openLog(config.logLevel, join(config.data, 'log/tocsin.log'));
  const kit = { clock, chance, log };
  const advertised = config.advertisedHost ?? config.host;
  await mkdir(config.data, { recursive: true });
  await using opened = new AsyncDisposableStack();
  opened.defer(surviveRejections(log));

  // Processes of their own take a moment to load: they do it while the rest opens.
  const edges = opened.use(new Edges(config, kit));

  // What is kept.
  const store = opened.use(
    await openStore({ ...kit, dataFolder: config.data, ...(config.databaseUrl ? { url: config.databaseUrl } : {}) }),
  );
  const directory = opened.use(
    await openDirectory({
      ...kit,
      store,
      siteFolder: config.siteFolder,
      ...(config.adminPassword ? { adminPassword: config.adminPassword } : {}),
    }),
  );
  const site = directory.site.id;
  const timeline = opened.use(await openTimeline({ ...kit, store, site }));

  // What speaks on the wires.
  const engine = opened.use(
    await openMediaEngine({
      ...kit,
      host: config.host,
      rtpPorts: config.rtpPorts,
      recordingsFolder: config.data,
      speechFolder: join(config.data, 'speech'),
    }),
  );
  const sfu = opened.use(
    await openSfu({
      ...kit,
      host: config.host,
      announcedAddress: config.advertisedHost,
      webRtcPort: config.webRtcPort,
      ...(config.mediaWorker ? { workerPath: config.mediaWorker } : {}),
      ...(config.mediaWorkerStatus ? { statusFile: config.mediaWorkerStatus } : {}),
    }),
  );
  const userAgent = opened.use(
    await openUserAgent({
      ...kit,
      host: config.host,
      port: config.sipPort,
      ...(config.tls ? { tls: { ...config.tls, port: config.sipTlsPort } } : {}),
      ...(config.advertisedHost ? { advertisedHost: config.advertisedHost } : {}),
      credentials: (user) => directory.credentials(user),
      trustedSource: ({ host, port }) =>
        directory.site.trunks.find(
          ({ take }) => take && take.host === host && port >= take.ports[0] && port <= take.ports[1],
        )?.id,
      bindings: directory.bindingStore,
    }),
  );
  const broker = config.mqttUrl
    ? undefined
    : opened.use(
        await openBroker({
          ...kit,
          host: config.host,
          port: config.mqttPort,
          site,
          credentials: mqttUsersOfSite(config.siteFolder),
          anonymousOnLoopback: true,
        }),
      );
  const mqtt = opened.use(
    await openMqtt({ ...kit, ...(broker ? { broker } : { url: config.mqttUrl!, clientId: `tocsin-${site}` }) }),
  );
  const commands = new GatewayCommands({ ...kit, mqtt, site });

  // The nouns.
  const system = new SystemState(clock, { isDemo: config.isDemo, simulators: config.simulators });
  const phones = new Phones(userAgent);
  const outOfService = await OutOfService.open({ ...kit, store });
  const lines = new Lines(directory, clock, outOfService);
  const trunks = opened.use(new Trunks({ ...kit, directory, userAgent, lines, outOfService, timeline }));
  const blacklist = await Blacklist.open({ ...kit, store });
  const routingBook: RoutingBook = {
    site: directory.site,
    account: (user) => directory.account(user),
    personByNumber: (number) => directory.personByNumber(number),
    peopleOfGroup: (id) => directory.peopleOfGroup(id),
    blacklist: () => blacklist.entries(),
    shortCode: (account, code) => directory.shortCode(account, code),
  };
  const outside = new OutsideCalls({ ...kit, routingBook, trunks, lines, userAgent, timeline });
  const openMedia: OpenMedia = (label, isBrowser, wishes) =>
    isBrowser
      ? WebRtcMedia.open(engine, sfu, label, chance, wishes)
      : PlainMedia.open(engine, advertised, label, chance, wishes);
  const lamps = new Lamps(clock);
  lightLamps(userAgent, lamps, directory);
  const kept = opened.use(new KeptCalls({ ...kit, store }));
  const calls = new CallList({ ...kit, timeline });
  const onLeg = (leg: SipLeg) => {
    kept.follow(leg);
    if (leg.call !== undefined) calls.rings(leg.call, leg);
  };
  const dialler = new Dialler({ ...kit, userAgent, openMedia, routingBook, lines, outside, lamps, onLeg });
  const waiting = new WaitingCalls(lamps, clock);
  const seeker = openSeeker({ ...kit, calls, waiting, dialler, directory, routingBook, lamps, phones, engine });
  const recordings = opened.use(
    new Recordings({
      ...{ ...kit, engine, store, timeline, folder: config.data },
      rules: (talk) => decideRecording(talk, directory, clock.now()),
    }),
  );
  const resources = new GatewayResources(gatewaysExpected(directory.site), clock.now());
  const supervisions = new Supervisions({
    ...kit,
    append: (entry) =>
      void timeline.append(entry).catch((error: unknown) => log.error('timeline entry lost', { error })),
  });
  const channelParts = { ...kit, dialler, engine, resources, recordings, timeline, send: commands.send.bind(commands) };
  const channels = new Map(directory.site.channels.map((facts) => [facts.id, new RadioChannel(facts, channelParts)]));
  const conferences = opened.use(
    new Conferences({ ...kit, dialler, engine, directory, recordings, timeline }, channels),
  );
  const announcements = new Announcements({
    ...kit,
    dialler,
    engine,
    directory,
    resources,
    recordings,
    timeline,
    fileFolder: config.siteFolder,
    isRegistered: (account) => phones.isRegistered(account),
  });
  const feeds = opened.use(
    new Feeds({ ...kit, sfu, recordingsFolder: join(config.data, 'recordings/video'), ffmpeg: config.ffmpeg }),
  );
  const texts = opened.use(
    await openTexts({
      ...kit,
      store,
      timeline,
      directory,
      sendCommand: (command) => {
        const gateway = resources.gateways().find((each) => each.kind === 'sms' && each.isOnline);
        return gateway && commands.sendDurable(gateway.id, command);
      },
    }),
  );
  const threads = opened.use(await openThreads({ ...kit, store, timeline, texts }));
  const incidents = opened.use(await openIncidents({ ...kit, store, timeline }));
  const alarms = opened.use(await openAlarms({ ...kit, store, timeline, directory }));

  // The doors come before the plans, so that the address in a link is known; nobody is let in yet.
  const holdMusicFile = await holdMusic(join(config.data, 'speech'));
  const house: Omit<Desk, 'plans' | 'runs' | 'publicUrl' | 'bookings' | 'check' | 'orders'> = {
    ...kit,
    directory,
    timeline,
    store,
    engine,
    sfu,
    dialler,
    kept,
    seeker,
    supervisions,
    openMedia,
    lines,
    trunks,
    outOfService,
    blacklist,
    routingBook,
    countMisdeed: userAgent.countMisdeed.bind(userAgent),
    security: {
      snapshot: () => userAgent.security(),
      release: (source) => userAgent.releaseSource(source),
    },
    calls,
    parked: new ParkedCalls(),
    lamps,
    campOns: new CampOns(),
    waiting,
    conferences,
    announcements,
    resources,
    sendToGateway: commands.sendDurable.bind(commands),
    recordings,
    unpacked: new UnpackedRecordings({ ...kit, ffmpeg: config.ffmpeg, folder: join(config.data, 'unpacked') }),
    alarms,
    incidents,
    asks: new GatewayAsks({ ...kit, send: (gateway, command) => commands.sendDurable(gateway, command) }),
    ping: (target, timeoutMs) => userAgent.ping(target, timeoutMs),
    warnings: new Warnings({ ...kit, store, timeline }),
    texts,
    threads,
    feeds,
    system,
    phones,
    seatsTaken: new SeatsTaken(directory),
    holdMusicFile,
    siteFolder: config.siteFolder,
    dataFolder: config.data,
    backupFolder: config.backups,
  };
  const desk = house as Desk;
  const check = opened.use(new MorningCheck(desk));
  desk.check = check;
  const doors = opened.use(await openDoors({ config, desk, userAgent, edgeProblem: () => edges.problem(), mqtt }));
  desk.publicUrl = doors.publicUrl;
  const bookings = opened.use(new BookingClerk(desk));
  desk.bookings = bookings;
  const orders = opened.use(new OrderClerk(desk));
  desk.orders = orders;
  const ports = planPorts(desk);
  desk.plans = opened.use(await openPlans({ ...kit, folders: [config.planFolder], store, ports }));
  desk.runs = opened.use(openRuns({ ...kit, store, timeline, ports, planOf: (id) => desk.plans.get(id) }));

  // What the last process left behind.
  await recordings.recover();
  opened
    .use(
      new RecordingPacker({
        ...{ ...kit, store, timeline, folder: config.data, ffmpeg: config.ffmpeg },
        afterMs: directory.site.recording.packAfterS * 1000,
      }),
    )
    .start();
  await restoreFeeds(desk);
  keepFeeds(desk);
  followFeeds(desk);
  followCameras(desk);
  recordCamerasInRuns(desk);
  await recoverVideo(desk);
  followAlarms(desk);
  noteIntruders(desk);
  tellPreparing(desk);
  await check.open();
  await orders.open();
  keepCalls(desk);
  await takeUpCalls(userAgent, desk);
  await openGatewayDoor(mqtt, desk);
  userAgent.on('invite', (invite) => {
    answerCall(invite, desk).catch((error: unknown) => {
      log.error('incoming call failed', { callId: invite.callId, error });
      invite.refuse(500);
    });
  });
  userAgent.on(
    'throttled',
    ({ what, source }) =>
      void timeline.append({ kind: 'security.source-throttled', data: { what, source } }).catch(() => {}),
  );

  doors.welcome();
  const address = `${advertised}:${userAgent.address.port}`;
  edges.begin({
    config,
    kit,
    site: directory.site,
    sipAddress: address,
    mqtt: broker ? { url: broker.url, ...broker.ownCredentials } : { url: config.mqttUrl! },
    phones,
  });
  desk.simulators = edges.simulators;
  await desk.runs.resume();
  closeBehindRuns(desk);
  await recountIncidents(desk);
  await bookings.begin();
  await gatewaysOnline(edges, resources, clock);
  orders.resume();
  await timeline.append({ kind: 'system.started', data: { pid: process.pid } });

  const places = {
    http: doors.publicUrl,
    sip: address,
    mqtt: broker ? `${broker.address.host}:${broker.address.port}` : withoutPassword(config.mqttUrl!),
  };
  opened.use(await writeRunFile(config.data, { pid: process.pid, ...places }));
  log.info('server ready', places);
  const stop = opened.move();
  return {
    ...places,
    ...(directory.generatedPassword ? { generatedPassword: directory.generatedPassword } : {}),
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  };
}

/**
 * A promise that failed and that nobody waits for belongs to one call, one text, one desk: the others' calls must not end
 * for it. It is a fault of ours, and stands in the log as one. Returns what stops this again.
 */
function surviveRejections(log: Log): () => void {
  const note = (error: unknown) => log.error('a failure that nobody has handled', { error });
  process.on('unhandledRejection', note);
  return () => process.off('unhandledRejection', note);
}

/** The gateways that the site's zones, channels and cameras are behind. */
function gatewaysExpected(site: Site): { id: string; kind: 'pa' | 'radio' | 'satellite' | 'camera' }[] {
  const pa = site.zones.flatMap(({ reach }) => (reach.kind === 'gateway' ? [reach.gateway] : []));
  const channels = new Map(
    site.channels.map(({ gateway, bearer }) => [gateway, bearer === 'satellite' ? 'satellite' : 'radio'] as const),
  );
  return [
    ...[...new Set(pa)].map((id) => ({ id, kind: 'pa' as const })),
    ...[...channels].map(([id, kind]) => ({ id, kind })),
    ...[...new Set(site.cameras.map(({ gateway }) => gateway))].map((id) => ({ id, kind: 'camera' as const })),
  ];
}

/** How long the server waits for its gateways before it calls itself ready without them. */
const GATEWAYS_ONLINE_WITHIN_MS = 8_000;

/**
 * A plan that is pressed in the first second shall find its loudspeakers, and an order its short messages. Gateways at remote
 * sites come when they come.
 */
async function gatewaysOnline(edges: Edges, resources: GatewayResources, clock: Clock): Promise<void> {
  const isComplete = () => edges.here?.every((id) => resources.gateway(id)?.isOnline) ?? false;
  if (isComplete()) return;
  const complete = Promise.withResolvers<void>();
  const off = resources.on('changed', () => {
    if (isComplete()) complete.resolve();
  });
  await Promise.race([complete.promise, sleep(clock, GATEWAYS_ONLINE_WITHIN_MS)]);
  off();
}

/** An address that can be shown: who logs in there, and how, is nobody's business. */
function withoutPassword(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
