/**
 * The gateways process. The server spawns it with an IPC channel and sends `{kind: 'start', config}`; alone it runs as
 * `node gateways/main.ts --config gateways.yaml`. It answers `{kind: 'ready', gateways}` or `{kind: 'failed', why}`,
 * ends itself in order when the parent goes away, and needs nothing else from its parent: its work comes by MQTT and SIP.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { openLog } from '@tocsin/server/kernel/log.ts';
import { parseGatewaysConfig, readGatewaysConfig, type GatewayConfig, type GatewaysConfig } from './config.ts';
import { onlyOne } from './kit/only-one.ts';
import { onProcessShouldEnd } from './kit/parent.ts';

/** What the parent is told. */
export type FromGateways =
  | { kind: 'ready'; gateways: { id: string; kind: string }[] }
  | { kind: 'failed'; why: string }
  | { kind: 'snapshot'; gateways: Record<string, unknown>[] };

/** What the parent may say. */
export type ToGateways = { kind: 'start'; config: GatewaysConfig } | { kind: 'snapshot' } | { kind: 'stop' };

/** This long is given to the gateways to end in order; then the process ends anyway. */
const END_WITHIN_MS = 8000;

type Running = AsyncDisposable & { snapshot(): Record<string, unknown> };

async function main() {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, 'log-level': { type: 'string', default: 'info' } },
  });
  const log = openLog(values['log-level'] as 'info');
  const opened = new AsyncDisposableStack();
  const running: Running[] = [];

  onProcessShouldEnd((why) => {
    log.info('gateways ending', { why });
    // Not cancelled: when ending in order takes longer, a hanging process would be worse than a cut one.
    systemClock.after(END_WITHIN_MS, () => process.exit(1));
    opened.disposeAsync().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('gateways ended badly', { error });
        process.exit(1);
      },
    );
  });

  process.on('message', (message: unknown) => {
    if ((message as { kind?: unknown } | null)?.kind === 'snapshot')
      tell({ kind: 'snapshot', gateways: running.map((gateway) => gateway.snapshot()) });
  });

  try {
    const config = values.config ? readGatewaysConfig(values.config) : await configFromParent();
    opened.use(await onlyOne(config.dataFolder, { clock: systemClock, log }));
    for (const one of config.gateways) {
      const gateway = opened.use(await start(one, config, log));
      running.push(gateway);
      log.info('gateway open', { gateway: one.id, kind: one.kind });
    }
    tell({ kind: 'ready', gateways: config.gateways.map(({ id, kind }) => ({ id, kind })) });
  } catch (error) {
    log.error('gateways could not start', { error });
    tell({ kind: 'failed', why: (error as Error).message });
    await opened.disposeAsync();
    process.exit(1);
  }
}

/** Opens one gateway. Each kind is loaded when it is wanted: one that is not configured costs nothing. */
async function start(one: GatewayConfig, config: GatewaysConfig, log: ReturnType<typeof openLog>): Promise<Running> {
  const { username, password, url, keepAliveS } = config.mqtt;
  const common = {
    site: config.site,
    mqttUrl: url,
    ...(keepAliveS !== undefined && { keepAliveS }),
    ...(username !== undefined && { credentials: { username, password: password ?? '' } }),
    journalFolder: config.dataFolder,
    host: config.host,
    servers: config.servers ?? [config.host, '127.0.0.1', '::1'],
    areFaultsAllowed: config.areFaultsAllowed ?? false,
    clock: systemClock,
    chance: systemChance,
    log,
  };
  switch (one.kind) {
    case 'sms':
      return (await import('./sms/sms-gateway.ts')).startSmsGateway({ ...common, ...one });
    case 'pa':
      return (await import('./pa/pa-gateway.ts')).startPaGateway({ ...common, ...one });
    case 'radio':
      return (await import('./radio/radio-gateway.ts')).startRadioGateway({ ...common, ...one });
    case 'satellite':
      return (await import('./satellite/satellite-gateway.ts')).startSatelliteGateway({ ...common, ...one });
    case 'alarm':
      return (await import('./alarm/devices/mqtt/translator.ts')).startAlarmTranslator({ ...common, ...one });
    case 'alarm-dc09':
      return (await import('./alarm/devices/dc09/receiver.ts')).startDc09Receiver({ ...common, ...given(one) });
    case 'alarm-scaip':
      return (await import('./alarm/devices/scaip/receiver.ts')).startScaipReceiver({ ...common, ...given(one) });
    case 'alarm-contact-id':
      return (await import('./alarm/devices/contact-id/receiver.ts')).startContactIdReceiver({
        ...common,
        ...given(one),
      });
    case 'cap':
      return (await import('./cap/gateway.ts')).startCapGateway({
        outFolder: join(config.dataFolder, 'cap'),
        ...common,
        ...given(one),
      });
    case 'telemetry-sl651':
      return (await import('./sensor/sl651/centre.ts')).startTelemetryCentre({ ...common, ...given(one) });
    case 'camera':
      return (await import('./camera/camera-gateway.ts')).startCameraGateway({
        ...common,
        ...one,
        ffmpeg: process.env['TOCSIN_FFMPEG'] ?? process.env['FFMPEG_BIN'] ?? 'ffmpeg',
        cameras: one.cameras.map(withPassword),
      });
    case 'alarm-webhook':
      return (await import('./alarm/devices/webhook/receiver.ts')).startWebhookReceiver({ ...common, ...given(one) });
  }
}

/** A password that is kept in a file of its own. */
function withPassword<One extends { passwordFile?: string | undefined }>({ passwordFile, ...camera }: One) {
  if (passwordFile === undefined) return camera;
  return { ...camera, password: readFileSync(passwordFile, 'utf8').split('\n')[0]!.trim() };
}

/** Without what is not said, so that it does not take the place of what all share. */
function given<One extends { host?: string | undefined }>({
  host,
  ...rest
}: One): Omit<One, 'host'> & { host?: string } {
  return host === undefined ? rest : { ...rest, host };
}

function configFromParent(): Promise<GatewaysConfig> {
  if (!process.send) throw new Error('no configuration: give --config FILE, or start with an IPC channel');
  return new Promise((resolve, reject) => {
    const listener = (message: unknown) => {
      const { kind, config } = (message ?? {}) as { kind?: unknown; config?: unknown };
      if (kind !== 'start') return;
      process.off('message', listener);
      try {
        resolve(parseGatewaysConfig(config));
      } catch (error) {
        reject(error as Error);
      }
    };
    process.on('message', listener);
  });
}

function tell(message: FromGateways) {
  if (process.connected) process.send?.(message);
}

await main();
