import type { Readable } from 'node:stream';
import { join } from 'node:path';
import yazl from 'yazl';
import type { Evidence } from '#timeline/export.ts';

/** Packs evidence: the entries, the manifest, and every recording under its hash. */
export function zipEvidence(evidence: Evidence, dataFolder: string): Readable {
  const zip = new yazl.ZipFile();
  for (const { name, content } of evidence.files) zip.addBuffer(Buffer.from(content), name);
  for (const { name, path } of evidence.blobs) zip.addFile(join(dataFolder, path), name, { compress: false });
  zip.end();
  return zip.outputStream as Readable;
}
