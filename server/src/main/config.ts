import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';

const Port = z.coerce.number().int().min(0).max(65_535);

const PortRange = z.preprocess(
  (value) =>
    typeof value === 'string' ? (value === '0' ? [0, 0] : value.split('-').map(Number)) : value === 0 ? [0, 0] : value,
  z
    .tuple([Port, Port])
    .refine(
      ([first, last]) => first <= last && (first > 0 || last === 0),
      'a range is first-last, or 0 for free ports',
    ),
);

/** Everything that can be set, in the configuration file; each line of `ENVIRONMENT` also by a variable. */
const Settings = z.strictObject({
  /** Folder of everything that is kept. */
  data: z.string().default('./data'),
  /** Address that the doors listen on. Beyond loopback only by configuration. */
  host: z.string().default('127.0.0.1'),
  /** Address that phones and browsers are told, when it is another than `host` (behind NAT, or `host` 0.0.0.0). */
  advertisedHost: z.string().optional(),
  httpPort: Port.default(8080),
  /** UDP and TCP. */
  sipPort: Port.default(5060),
  /** Used when a certificate is configured. */
  sipTlsPort: Port.default(5061),
  mqttPort: Port.default(1883),
  /** Browser phones and video, UDP and TCP on one port; 0: chosen freely. */
  webRtcPort: Port.default(0),
  rtpPorts: PortRange.default([20_000, 29_999]),
  /** PEM files for HTTPS and for SIP over TLS: browsers give camera and microphone to secure pages only, but on loopback. Both or none. */
  certificate: z.string().optional(),
  key: z.string().optional(),
  /** Folder that backups of recordings go to; absent: `backups` in the data folder. */
  backups: z.string().optional(),
  databaseUrl: z.string().optional(),
  mqttUrl: z.string().optional(),
  adminPassword: z.string().min(8, 'the administrator’s password needs 8 characters').optional(),
  /** Folder of the site’s files (site.yaml …); absent: the demo site. */
  site: z.string().optional(),
  /** Folder of plan documents (*.plan.yaml); absent: the shipped ones. */
  plans: z.string().optional(),
  /** Whether every edge is played by simulators; absent: on the demo site only. */
  simulators: z.boolean().optional(),
  /** Demonstration phones that answer; absent: as `simulators`. */
  demoPhones: z.boolean().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Gateways run in a child process here; false: they run elsewhere and connect by MQTT. */
  gateways: z.boolean().default(true),
});

/** A configuration that has been read, with absolute paths. */
export interface Config extends Omit<z.infer<typeof Settings>, 'site' | 'plans' | 'certificate' | 'key'> {
  /** PEM texts. */
  tls?: { cert: string; key: string };
  rtpPorts: [number, number];
  backups: string;
  siteFolder: string;
  planFolder: string;
  consoleFolder: string;
  isDemo: boolean;
  simulators: boolean;
  demoPhones: boolean;
  ffmpeg: string;
  /** mediasoup's worker, when it is known already. */
  mediaWorker?: string;
  /** Where the making of mediasoup's worker tells how far it is. */
  mediaWorkerStatus?: string;
}

/** Environment variable → setting. */
const ENVIRONMENT: Record<string, keyof z.infer<typeof Settings>> = {
  TOCSIN_DATA: 'data',
  TOCSIN_BACKUPS: 'backups',
  TOCSIN_HOST: 'host',
  TOCSIN_ADVERTISED_HOST: 'advertisedHost',
  TOCSIN_HTTP_PORT: 'httpPort',
  TOCSIN_SIP_PORT: 'sipPort',
  TOCSIN_SIP_TLS_PORT: 'sipTlsPort',
  TOCSIN_MQTT_PORT: 'mqttPort',
  TOCSIN_WEBRTC_PORT: 'webRtcPort',
  TOCSIN_RTP_PORTS: 'rtpPorts',
  TOCSIN_CERTIFICATE: 'certificate',
  TOCSIN_KEY: 'key',
  TOCSIN_DATABASE_URL: 'databaseUrl',
  TOCSIN_MQTT_URL: 'mqttUrl',
  TOCSIN_ADMIN_PASSWORD: 'adminPassword',
  TOCSIN_SITE: 'site',
  TOCSIN_PLANS: 'plans',
  TOCSIN_LOG_LEVEL: 'logLevel',
};

/** Settings that may be switched by `on` and `off` in the environment. */
const SWITCHES: Record<string, 'simulators' | 'demoPhones' | 'gateways'> = {
  TOCSIN_SIMULATORS: 'simulators',
  TOCSIN_DEMO_PHONES: 'demoPhones',
  TOCSIN_GATEWAYS: 'gateways',
};

const repository = resolve(import.meta.dirname, '../../..');

/**
 * Reads the configuration: defaults, then the file after `--config`, then the environment.
 * @throws DispatchError CONFIG_INVALID with the setting's name and what is wrong with it
 */
export function readConfig(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config {
  const flag = args.indexOf('--config');
  const file = flag >= 0 ? args[flag + 1] : undefined;
  if (flag >= 0 && !file) throw new DispatchError('CONFIG_INVALID', '--config needs the name of a file');
  const fromFile = file ? readFile(file) : {};
  const fromEnvironment: Record<string, unknown> = {};
  for (const [variable, setting] of Object.entries(ENVIRONMENT))
    if (environment[variable] !== undefined && environment[variable] !== '')
      fromEnvironment[setting] = environment[variable];
  for (const [variable, setting] of Object.entries(SWITCHES)) {
    const value = environment[variable];
    if (value === undefined || value === '') continue;
    if (value !== 'on' && value !== 'off')
      throw new DispatchError('CONFIG_INVALID', `${variable} is on or off, not "${value}"`);
    fromEnvironment[setting] = value === 'on';
  }

  const read = Settings.safeParse({ ...fromFile, ...fromEnvironment });
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
    throw new DispatchError('CONFIG_INVALID', problems.join('; '));
  }
  const { site, plans, certificate, key, ...settings } = read.data;
  if ((certificate === undefined) !== (key === undefined))
    throw new DispatchError('CONFIG_INVALID', 'certificate and key belong together');
  const base = file ? dirname(resolve(file)) : process.cwd();
  const absolute = (path: string) => (isAbsolute(path) ? path : resolve(base, path));
  const isDemo = site === undefined;
  const simulators = settings.simulators ?? isDemo;
  return {
    ...settings,
    data: absolute(settings.data),
    backups: settings.backups ? absolute(settings.backups) : join(absolute(settings.data), 'backups'),
    ...(certificate && key ? { tls: { cert: readPem(absolute(certificate)), key: readPem(absolute(key)) } } : {}),
    siteFolder: site ? absolute(site) : join(repository, 'sites/demo'),
    planFolder: plans ? absolute(plans) : join(repository, 'plans'),
    consoleFolder: join(repository, 'console/build'),
    isDemo,
    simulators,
    demoPhones: settings.demoPhones ?? simulators,
    ffmpeg: environment['TOCSIN_FFMPEG'] ?? environment['FFMPEG_BIN'] ?? 'ffmpeg',
    ...(environment['TOCSIN_MEDIASOUP_WORKER'] ? { mediaWorker: environment['TOCSIN_MEDIASOUP_WORKER'] } : {}),
    ...(environment['TOCSIN_MEDIASOUP_WORKER_STATUS']
      ? { mediaWorkerStatus: environment['TOCSIN_MEDIASOUP_WORKER_STATUS'] }
      : {}),
  };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DispatchError('CONFIG_INVALID', `cannot read ${file}`, { cause: error });
  }
}

function readFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DispatchError('CONFIG_INVALID', `cannot read ${file}`, { cause: error });
  }
  try {
    const content: unknown = parse(text);
    if (content === null || content === undefined) return {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
  } catch (error) {
    throw new DispatchError('CONFIG_INVALID', `${file}: ${(error as Error).message}`);
  }
  throw new DispatchError('CONFIG_INVALID', `${file} is not a list of settings`);
}
