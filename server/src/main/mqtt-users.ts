import { createHash, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Id } from '@tocsin/protocol/common.ts';
import { parse } from 'yaml';
import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';
import type { MqttIdentity } from '#mqtt/rights.ts';

const login = { user: z.string().min(1).max(80), password: z.string().min(8).max(200) };

/** Who may connect to the embedded broker from other machines: gateways at remote sites, and devices. */
const MqttUsers = z.object({
  clients: z
    .array(
      z.union([
        z.strictObject({ ...login, gateway: Id, devices: z.union([z.literal('all'), z.array(Id)]).default('all') }),
        z.strictObject({ ...login, device: Id }),
      ]),
    )
    .max(10_000),
});

/**
 * Reads `mqtt.yaml` beside the site's files.
 *
 * @returns undefined without the file: then nobody connects from elsewhere
 * @throws DispatchError CONFIG_INVALID with what is wrong
 */
export function mqttUsersOfSite(
  siteFolder: string,
): ((user: string, password: string) => Promise<MqttIdentity | undefined>) | undefined {
  const file = join(siteFolder, 'mqtt.yaml');
  if (!existsSync(file)) return undefined;
  const parsed = MqttUsers.safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) {
    const said = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new DispatchError('CONFIG_INVALID', `mqtt.yaml: ${said.join('; ')}`);
  }
  const clients = new Map(parsed.data.clients.map((client) => [client.user, client]));
  return (user, password) => {
    const client = clients.get(user);
    if (!client || !isSame(password, client.password)) return Promise.resolve(undefined);
    return Promise.resolve(
      'gateway' in client
        ? { kind: 'gateway', id: client.gateway, devices: client.devices }
        : { kind: 'device', id: client.device },
    );
  };
}

/** Compares in a time that tells nothing of the secret, nor of its length. */
function isSame(shown: string, secret: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(shown), hash(secret));
}
