import type { Name } from '@tocsin/protocol/common.ts';
import type { LinkView, TrunkView } from '@tocsin/protocol/views.ts';
import type { Desk } from '#dispatch/desk.ts';
import type { GatewayState } from '#calls/gateway-resources.ts';
import type { NounDoor } from '../noun-door.ts';

/** The lamps in the header, from what each kind of gateway and each part says of itself. */
export const links: NounDoor<'links'> = {
  noun: 'links',
  all: (desk) => [
    trunk(desk),
    phones(desk),
    ofGateways('radio', 'radio', desk),
    pa(desk),
    ofGateways('sms', 'sms', desk),
    ofGateways('satellite', 'satellite', desk),
    video(desk),
    data(desk),
  ],
  watch(desk, changed) {
    const tellAll = () => links.all(desk).forEach(changed);
    desk.resources.on('changed', tellAll);
    desk.announcements.on('changed', () => changed(pa(desk)));
    desk.trunks.on('changed', () => changed(trunk(desk)));
    desk.phones.on('changed', () => changed(phones(desk)));
    desk.sfu.on('state', () => changed(video(desk)));
    desk.system.on('changed', () => changed(data(desk)));
  },
};

function trunk(desk: Desk): LinkView {
  const all = desk.trunks.all();
  if (all.length === 0) return absent('trunk');
  const down = all.filter(({ health }) => health === 'down');
  const since = Math.max(0, ...down.map((each) => each.since));
  if (down.length > 0)
    return {
      id: 'trunk',
      state: down.length === all.length ? 'down' : 'degraded',
      since,
      ...(all.length > 1 ? { value: `${all.length - down.length}/${all.length}` } : {}),
      detail: troubleOf(down),
    };
  const free = all.reduce((sum, { id }) => sum + desk.lines.free(id), 0);
  const total = all.reduce((sum, { lines }) => sum + lines, 0);
  return {
    id: 'trunk',
    state: free === 0 ? 'degraded' : 'works',
    since: 0,
    ...(free === 0 ? { value: `${free}/${total}` } : {}),
  };
}

function troubleOf(down: TrunkView[]): Name {
  const words = (language: 'zh' | 'en') =>
    down
      .map(({ name, why }) => [name, why].flatMap((each) => (each ? [each[language] ?? each.zh] : [])).join('：'))
      .join('；');
  return { zh: words('zh'), en: words('en').replaceAll('：', ': ').replaceAll('；', '; ') };
}

function phones({ phones: registered, directory }: Desk): LinkView {
  const accounts = directory.site.accounts.filter((account) => account.kind === 'phone');
  const here = accounts.filter((account) => registered.isRegistered(account.user)).length;
  return {
    id: 'phones',
    state: 'works',
    since: 0,
    detail: { zh: `已注册 ${here}/${accounts.length}`, en: `${here} of ${accounts.length} registered` },
  };
}

function pa(desk: Desk): LinkView {
  const { zones } = desk.directory.site;
  if (zones.length === 0) return absent('pa');
  const views = zones.map((zone) => desk.announcements.view(zone));
  const total = views.reduce((sum, zone) => sum + zone.hornsTotal, 0);
  const silent = views.reduce(
    (sum, zone) =>
      sum +
      (zone.state === 'down'
        ? zone.hornsTotal
        : zone.hornsPlaying === undefined
          ? 0
          : zone.hornsTotal - zone.hornsPlaying),
    0,
  );
  const since = Math.max(
    0,
    ...desk.resources
      .gateways()
      .filter((each) => each.kind === 'pa')
      .map((each) => each.since),
  );
  if (silent === 0) return { id: 'pa', state: 'works', since };
  return { id: 'pa', state: silent === total ? 'down' : 'degraded', since, value: `${total - silent}/${total}` };
}

function ofGateways(id: LinkView['id'], kind: GatewayState['kind'], { resources }: Desk): LinkView {
  const gateways = resources.gateways().filter((each) => each.kind === kind);
  if (gateways.length === 0) return absent(id);
  const since = Math.max(...gateways.map((each) => each.since));
  const all = gateways.flatMap((each) => (each.isOnline ? each.resources.map(({ state }) => state) : ['down']));
  const down = all.filter((state) => state === 'down').length;
  const isDegraded = down > 0 || all.includes('degraded');
  if (!isDegraded) return { id, state: 'works', since };
  return {
    id,
    state: down === all.length ? 'down' : 'degraded',
    since,
    ...(all.length > 1 ? { value: `${all.length - down}/${all.length}` } : {}),
  };
}

function video({ sfu }: Desk): LinkView {
  const { state } = sfu;
  if (state.kind === 'ready') return { id: 'video', state: 'works', since: 0 };
  if (state.kind === 'failed')
    return { id: 'video', state: 'down', since: 0, detail: { zh: state.why, en: state.why } };
  const value = state.total === undefined ? undefined : `${state.done ?? 0}/${state.total}`;
  return {
    id: 'video',
    state: 'degraded',
    since: 0,
    ...(value ? { value } : {}),
    detail: { zh: `准备中 · ${state.step}`, en: `Being made ready: ${state.step}` },
  };
}

function data({ timeline, clock }: Desk): LinkView {
  const { problem } = timeline.snapshot();
  return problem
    ? { id: 'data', state: 'down', since: clock.now(), detail: { zh: problem, en: problem } }
    : { id: 'data', state: 'works', since: 0 };
}

function absent(id: LinkView['id']): LinkView {
  return { id, state: 'absent', since: 0 };
}
