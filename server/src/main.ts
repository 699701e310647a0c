import { isatty } from 'node:tty';
import { DispatchError } from '#kernel/errors.ts';
import { readConfig } from './main/config.ts';
import { openServer, type Server } from './main/open-server.ts';

/** Starts the product, says where it is, and stops it in order when asked to. */
async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  const stop = Promise.withResolvers<string>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.resolve(signal));
  await using server = await openServer(config);
  greet(server, config.isDemo, config.adminPassword !== undefined);
  const signal = await stop.promise;
  if (isatty(1)) console.log(`\n${signal}: stopping …`);
}

/** One address and the log-in: all that a newcomer needs. */
function greet({ http, sip, generatedPassword }: Server, isDemo: boolean, hasOwnPassword: boolean): void {
  const password = generatedPassword ?? (hasOwnPassword ? 'TOCSIN_ADMIN_PASSWORD' : 'the one of the first start');
  console.log(`
  Tocsin ${isDemo ? '· demo site 演示站点 ' : ''}is ready 已就绪

    open 打开       ${http}
    log in 登录     ${isDemo ? 'dispatcher (or admin)' : 'as your site says'}
    password 密码   ${password}
    phones 话机     ${sip}  (UDP, TCP)
`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    if (error instanceof DispatchError) console.error(`\n${error.code}: ${error.message}`);
    else console.error(error);
    process.exit(1);
  },
);
