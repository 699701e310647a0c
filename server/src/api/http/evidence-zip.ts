import type { Readable } from 'node:stream';
import yazl from 'yazl';
import type { Evidence } from '#timeline/export.ts';

/** Packs evidence as its format asks: stored, in order, with the times and modes that the verifier checks. */
export function zipEvidence({ files, blobs, zipOptions }: Evidence): Readable {
  const zip = new yazl.ZipFile();
  for (const { name, content } of files) zip.addBuffer(content, name, zipOptions);
  for (const { name, path } of blobs) zip.addFile(path, name, zipOptions);
  zip.end();
  return zip.outputStream as Readable;
}
