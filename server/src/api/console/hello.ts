import type { Me, SiteView } from '@tocsin/protocol/console.ts';
import type { Session } from '#directory/rights.ts';
import type { Desk } from '#dispatch/desk.ts';

/** Who is logged in, with what his browser phone needs to register. */
export function meOf(session: Session, desk: Desk): Me {
  const { user, role, rights } = session;
  const password = user.account === undefined ? undefined : desk.directory.accountPassword(user.account);
  return {
    user: user.id,
    name: user.name,
    role: role.id,
    rights: [...rights],
    organisation: user.organisation,
    ...(user.account !== undefined && password !== undefined
      ? { phone: { account: user.account, password, domain: 'tocsin', webSocketPath: '/sip' } }
      : {}),
  };
}

/** The site as this session may know it, field by field: his own subtree, no passwords, no care files. */
export function siteFor(session: Session, desk: Desk): SiteView {
  const { site } = desk.directory;
  const isMine = ({ organisation }: { organisation: string }) =>
    desk.directory.isWithin(organisation, session.user.organisation);
  const { id, name, centre, zoom, baseMap, organisations, roles, groups, huntGroups, rooms, features, planButtons } =
    site;
  const { textTemplates, zoneGroups, sounds } = site;
  return {
    ...{ textTemplates, zoneGroups, sounds },
    ...{ id, name, centre, zoom, baseMap, organisations, roles, groups, huntGroups, features, planButtons },
    rooms: rooms.map(({ pin: _pin, chairPin: _chairPin, ...room }) => room),
    trunks: site.trunks.map(({ id, name, bearer, lines }) => ({ id, name, bearer, lines })),
    users: site.users.map(({ id, name }) => ({ id, name })),
    people: site.people.filter(isMine).map(({ care: _care, ...person }) => person),
    zones: site.zones.filter(isMine),
    channels: site.channels.filter(isMine),
    gauges: site.gauges.filter(isMine),
    gaugeRules: site.gaugeRules,
    devices: site.devices.filter(isMine),
    cameras: site.cameras.filter(isMine),
  };
}
