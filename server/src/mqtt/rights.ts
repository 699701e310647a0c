import { covers, matches } from './topic-filter.ts';

/** Who stands behind a connection to the broker, and so which topics are his. */
export type MqttIdentity =
  | { kind: 'anonymous' }
  | { kind: 'server' }
  /** `devices`: the ids of the devices it speaks for, or all of the site's. */
  | { kind: 'gateway'; id: string; devices?: readonly string[] | 'all' }
  | { kind: 'device'; id: string };

/** Whether this identity may publish on this topic. Anonymous ones (loopback only) may use all topics of the site. */
export function mayPublish(identity: MqttIdentity, site: string, topic: string): boolean {
  return filtersOf(identity, site).publish.some((filter) => matches(filter, topic));
}

/** Whether this identity may subscribe with this filter. */
export function maySubscribe(identity: MqttIdentity, site: string, filter: string): boolean {
  return filtersOf(identity, site).subscribe.some((wide) => covers(wide, filter));
}

/** Only a gateway's `online` is kept for late comers; every other message is about its moment. */
export function mayRetain(site: string, topic: string): boolean {
  return matches(`tocsin/${site}/gateway/+/online`, topic);
}

function filtersOf(identity: MqttIdentity, site: string): { publish: string[]; subscribe: string[] } {
  const all = [`tocsin/${site}/#`];
  switch (identity.kind) {
    case 'server':
    case 'anonymous':
      return { publish: all, subscribe: all };
    case 'device':
      return {
        publish: [`tocsin/${site}/device/${identity.id}/+`],
        subscribe: [`tocsin/${site}/device/${identity.id}/#`],
      };
    case 'gateway': {
      const own = `tocsin/${site}/gateway/${identity.id}`;
      const devices = identity.devices === 'all' ? ['+'] : (identity.devices ?? []);
      return {
        publish: [
          ...['online', 'event', 'command-result'].map((what) => `${own}/${what}`),
          ...devices.map((device) => `tocsin/${site}/device/${device}/+`),
        ],
        subscribe: [`${own}/#`],
      };
    }
  }
}
