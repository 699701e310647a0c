import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests of TLS: an authority, and a certificate signed by it for the loopback addresses. Undefined without openssl. */
export const testCertificates = make();

function make(): { ca: string; cert: string; key: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  const openssl = (args: string) => execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'ignore' });
  const read = (name: string) => readFileSync(join(folder, name), 'latin1');
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  try {
    writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\n');
    openssl(`req -x509 ${newKey} -days 2 -subj /CN=Test-Authority -keyout ca.key -out ca.pem`);
    openssl(`req ${newKey} -subj /CN=localhost -keyout key.pem -out request.pem`);
    openssl('x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem');
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
