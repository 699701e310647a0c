import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, isUdpFree } from './ports.ts';
import { until } from './wait.ts';

/** The password of every user there. */
export const CARRIER_PASSWORD = 'secret';

/** Kamailio, as a carrier or as the proxy at the edge of a network. */
export class Kamailio {
  readonly port: number;
  readonly address: string;
  readonly #folder: string;
  readonly #config: string;
  #child!: ChildProcess;

  private constructor(port: number, folder: string, config: string) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.#config = config;
  }

  /**
   * A carrier as real ones are: registrar and proxy. Whoever registers or calls proves himself by digest. Numbers that begin with
   * `ours` are sent to the contact that registered as `ours` and `0000`.
   */
  static carrier(t: TestContext, { ours }: { ours: string }): Promise<Kamailio> {
    return Kamailio.#start(t, (port) => carrier(port, ours));
  }

  /**
   * A proxy between phones and their registrar (host:port, by UDP): it stays in the way of every call (Record-Route) and of
   * calls to them (Path, RFC 3327). Phones reach it by UDP and TCP.
   */
  static edge(t: TestContext, { registrar }: { registrar: string }): Promise<Kamailio> {
    return Kamailio.#start(t, (port) => edge(port, registrar));
  }

  static async #start(t: TestContext, config: (port: number) => string): Promise<Kamailio> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-kamailio-'));
    const port = await freePort();
    const kamailio = new Kamailio(port, folder, config(port));
    t.after(async () => {
      await kamailio.kill();
      await rm(folder, { recursive: true, force: true });
    });
    await writeFile(join(folder, 'kamailio.cfg'), kamailio.#config);
    await kamailio.begin();
    return kamailio;
  }

  /** Starts it; also again after `kill`. It remembers nobody who was registered. */
  async begin(): Promise<void> {
    const args = ['-DD', '-E', '-m', '32', '-M', '4', '-f', 'kamailio.cfg', '-P', 'pid', '-Y', this.#folder];
    // A group of its own, so that its workers die with it.
    const child = spawn('kamailio', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    child.stderr!.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
    this.#child = child;
    await until('Kamailio listens', async () => {
      if (child.exitCode !== null) throw new Error(`Kamailio ended with ${child.exitCode}: ${said}`);
      return !(await isUdpFree(this.port));
    });
  }

  /** Ends it at once with all its workers, as a power cut would. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    process.kill(-pid, 'SIGKILL');
    await gone;
    await until('the port of Kamailio is free', () => isUdpFree(this.port));
  }
}

const MODULES = `mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("rr","enable_full_lr",1)`;

/** What every proxy does with requests in a dialog and with CANCEL. */
const IN_DIALOG = `  force_rport();
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483","Too Many Hops"); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK") && t_check_trans()) t_relay();
    exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  t_check_trans();`;

const head = (port: number, transports: readonly string[]) => `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
${transports.includes('tcp') ? '' : 'disable_tcp=yes\n'}${transports.map((transport) => `listen=${transport}:127.0.0.1:${port}`).join('\n')}
${MODULES}
`;

const carrier = (port: number, ours: string) => `${head(port, ['udp'])}
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc","db_mode",0)
request_route {
  if (is_method("REGISTER")) {
    force_rport();
    if (!pv_www_authenticate("carrier.test","${CARRIER_PASSWORD}","0")) { www_challenge("carrier.test","1"); exit; }
    save("location"); exit;
  }
  if (is_method("OPTIONS") && $rU==$null) { sl_send_reply("200","OK"); exit; }
${IN_DIALOG}
  if (!pv_proxy_authenticate("carrier.test","${CARRIER_PASSWORD}","0")) { proxy_challenge("carrier.test","1"); exit; }
  consume_credentials();
  record_route();
  if ($rU =~ "^${ours}") $rU = "${ours}0000";
  if (!lookup("location")) { sl_send_reply("404","Not Found"); exit; }
  t_relay();
}
`;

const edge = (port: number, registrar: string) => `${head(port, ['udp', 'tcp'])}
loadmodule "path.so"
modparam("path","use_received",1)
request_route {
${IN_DIALOG}
  if (is_method("REGISTER")) {
    add_path_received();
    $du = "sip:${registrar}";
    t_relay(); exit;
  }
  loose_route();
  record_route();
  if ($sp != ${registrar.split(':').at(-1)}) $du = "sip:${registrar}";
  t_relay();
}
`;
