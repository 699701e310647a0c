#!/usr/bin/env node
/**
 * Checks an evidence bundle of Tocsin: `tocsin-verify file.zip [--json]`. Needs nothing but Node.js 20, so that it can be
 * given to a court together with the bundle. docs/protocol/evidence.md says what is checked and why.
 *
 * Ends with 0 when the bundle is whole, 1 when it is not, 2 when it was called wrongly.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { createInflateRaw } from 'node:zlib';

const FORMAT = 'tocsin-evidence/1';
const FILES = ['README.txt', 'manifest.json', 'manifest.sha256', 'entries.jsonl'];
/** Files other than blobs are read into memory. */
const LARGEST_IN_MEMORY = 1024 * 1024 * 1024;

/** What is wrong, in both languages. */
class Broken extends Error {
  constructor(zh, en) {
    super(`${zh} | ${en}`);
  }
}

/**
 * Checks a bundle.
 *
 * @param {string} path of the zip
 * @returns a summary of what it holds
 * @throws Broken at the first thing that is wrong
 */
export async function verifyEvidence(path) {
  const file = await open(path, 'r');
  try {
    const zip = await readDirectory(file);
    const content = async (name) => {
      const entry = zip.find((candidate) => candidate.name === name);
      if (!entry) throw new Broken(`缺少 ${name}`, `${name} is missing`);
      if (entry.size > LARGEST_IN_MEMORY) throw new Broken(`${name} 过大`, `${name} is too large`);
      return (await readContent(file, entry, true)).content;
    };

    const manifestBytes = await content('manifest.json');
    const seal = (await content('manifest.sha256')).toString('latin1');
    if (seal !== `${sha256(manifestBytes)}  manifest.json\n`)
      throw new Broken('清单被改动', 'the manifest was changed');
    const manifest = parseJson(manifestBytes.toString('utf8'), 'manifest.json');
    if (manifest.format !== FORMAT) throw new Broken(`不是 ${FORMAT} 格式`, `its format is not ${FORMAT}`);
    for (const { extra } of zip) checkTimestamp(extra, manifest.exportedAt);

    for (const listed of manifest.files) {
      const bytes = await content(listed.name);
      if (bytes.length !== listed.bytes || sha256(bytes) !== listed.sha256)
        throw new Broken(`${listed.name} 被改动`, `${listed.name} was changed`);
    }
    if (
      manifest.files
        .map(({ name }) => name)
        .sort()
        .join() !== 'README.txt,entries.jsonl'
    )
      throw new Broken('清单不完整', 'the manifest does not list the files it should');
    const { blobs, ...chain } = checkChain((await content('entries.jsonl')).toString('utf8'), manifest);
    await checkBlobs(file, zip, blobs, manifest);
    return { ...chain, manifest };
  } finally {
    await file.close();
  }
}

// --- the chain ---

/** Every line in its place, every content in its digest, every digest in its hash, every hash in the next line. */
function checkChain(text, manifest) {
  const expected = manifest.chain;
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Broken('entries.jsonl 末行不完整', 'the last line of entries.jsonl is not whole');
  const blobs = new Map();
  let seq = expected.firstSeq;
  let previous = expected.before;
  let told = 0;
  let firstHash;
  for (const line of lines) {
    const entry = parseJson(line, `entries.jsonl ${seq}`);
    const wrong = (zh, en) => new Broken(`第 ${seq} 条${zh}`, `entry ${seq} ${en}`);
    if (canonical(entry) !== line) throw wrong('书写不规范', 'is not written the one right way');
    const { seq: itsSeq, digest, previous: itsPrevious, hash, omitted, ...content } = entry;
    if (itsSeq !== seq) throw wrong('缺失或错位', 'is missing or out of place');
    if (itsPrevious !== previous) throw wrong('与前一条不相连', 'does not follow the one before');
    if (omitted === true) {
      if (Object.keys(content).length > 0) throw wrong('既省略又有内容', 'is left out and yet has content');
    } else {
      if (sha256(canonical(content)) !== digest) throw wrong('内容被改动', 'was changed');
      told += 1;
      for (const blob of content.blobs ?? []) blobs.set(blob.sha256, blob);
    }
    if (sha256(canonical({ seq, digest, previous })) !== hash)
      throw wrong('哈希不符', 'does not have the hash it should');
    firstHash ??= hash;
    previous = hash;
    seq += 1;
  }
  const found = {
    firstSeq: expected.firstSeq,
    lastSeq: seq - 1,
    before: expected.before,
    firstHash,
    lastHash: previous,
  };
  if (canonical({ ...found, told, omitted: lines.length - told }) !== canonical(expected))
    throw new Broken('记录与清单不符', 'the entries are not those the manifest tells of');
  return { entries: told, omitted: lines.length - told, firstHash, lastHash: previous, blobs };
}

async function checkBlobs(file, zip, referred, manifest) {
  const listed = new Map(manifest.blobs.map((blob) => [blob.sha256, blob]));
  for (const digest of referred.keys())
    if (!listed.has(digest))
      throw new Broken(`清单缺少附件 ${digest}`, `the manifest does not list the file ${digest}`);
  if (listed.size !== referred.size || listed.size !== manifest.blobs.length)
    throw new Broken('清单列有多余附件', 'the manifest lists files that no entry refers to');
  const names = new Set(FILES);
  for (const blob of manifest.blobs) {
    if (blob.absent === 'changed')
      throw new Broken(
        `附件 ${blob.sha256} 在导出前已被改动`,
        `the file ${blob.sha256} had been changed before the export`,
      );
    if (blob.absent === 'gone') continue;
    names.add(blob.name);
    const entry = zip.find(({ name }) => name === blob.name);
    if (!entry) throw new Broken(`缺少附件 ${blob.name}`, `${blob.name} is missing`);
    const { digest, bytes } = await readContent(file, entry, false);
    if (digest !== blob.sha256 || bytes !== blob.bytes || !blob.name.startsWith(`blobs/${digest}`))
      throw new Broken(`附件 ${blob.name} 被改动`, `${blob.name} was changed`);
  }
  const stranger = zip.find(({ name }) => !names.has(name));
  if (stranger) throw new Broken(`包内有多余文件 ${stranger.name}`, `${stranger.name} does not belong here`);
}

/** JSON with one right answer: keys sorted, no spaces (RFC 8785). */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

function parseJson(text, where) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Broken(`${where} 无法读取`, `${where} cannot be read`);
  }
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

// --- the zip (PKWARE APPNOTE 6.3): every byte of it must be accounted for ---

const END = 22;
const zipBroken = (detail) => new Broken(`压缩包结构损坏（${detail}）`, `the zip is damaged (${detail})`);
const must = (condition, detail) => {
  if (!condition) throw zipBroken(detail);
};

/** The central directory, each of its fields checked against the local headers and for being what we write. */
async function readDirectory(file) {
  const { size: fileSize } = await file.stat();
  must(fileSize >= END, 'end record');
  const end = await readAt(file, fileSize - END, END);
  must(end.readUInt32LE(0) === 0x06054b50 && end.readUInt16LE(20) === 0, 'end record');
  must(end.readUInt16LE(4) === 0 && end.readUInt16LE(6) === 0, 'end record');
  let count = end.readUInt16LE(8);
  let size = end.readUInt32LE(12);
  let offset = end.readUInt32LE(16);
  must(count === end.readUInt16LE(10), 'end record');
  let directoryEnd = fileSize - END;
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
    const locator = await readAt(file, fileSize - END - 20, 20);
    const at = Number(locator.readBigUInt64LE(8));
    must(locator.readUInt32LE(0) === 0x07064b50 && locator.readUInt32LE(4) === 0, 'zip64 locator');
    must(locator.readUInt32LE(16) === 1 && at === fileSize - END - 20 - 56, 'zip64 locator');
    const large = await readAt(file, at, 56);
    must(large.readUInt32LE(0) === 0x06064b50 && large.readBigUInt64LE(4) === 44n, 'zip64 end record');
    must(large.readUInt16LE(12) === 0x033f && large.readUInt16LE(14) === 45, 'zip64 end record');
    must(large.readUInt32LE(16) === 0 && large.readUInt32LE(20) === 0, 'zip64 end record');
    const counts = [large.readBigUInt64LE(24), large.readBigUInt64LE(32)].map(Number);
    must(counts[0] === counts[1] && (count === 0xffff || count === counts[0]), 'zip64 end record');
    const [largeSize, largeOffset] = [large.readBigUInt64LE(40), large.readBigUInt64LE(48)].map(Number);
    must(
      (size === 0xffffffff || size === largeSize) && (offset === 0xffffffff || offset === largeOffset),
      'zip64 end record',
    );
    [count, size, offset, directoryEnd] = [counts[0], largeSize, largeOffset, at];
  }
  must(offset + size === directoryEnd && size >= 46 * count && size < 1e9, 'directory');

  const directory = await readAt(file, offset, size);
  const entries = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    must(at + 46 <= size && directory.readUInt32LE(at) === 0x02014b50, 'directory');
    const [nameLength, extraLength] = [directory.readUInt16LE(at + 28), directory.readUInt16LE(at + 30)];
    must(at + 46 + nameLength + extraLength <= size, 'directory');
    const bytes = directory.subarray(at, at + 46);
    const name = directory.subarray(at + 46, at + 46 + nameLength);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    entries.push(readEntry(bytes, name, extra));
    at += 46 + nameLength + extraLength;
  }
  must(at === size, 'directory');
  must(new Set(entries.map(({ name }) => name)).size === entries.length, 'a name is there twice');
  must(new Set(entries.map(({ attributes }) => attributes)).size <= 1, 'attributes');

  // Laid end to end, from the first byte to the directory: nothing can hide in between.
  let next = 0;
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    must(entry.offset === next, entry.name);
    next = await checkLocalHeader(file, entry);
  }
  must(next === offset, 'directory');
  return entries;
}

function readEntry(bytes, nameBytes, extra) {
  const name = nameBytes.toString('utf8');
  must(bytes.readUInt16LE(4) === 0x033f && [20, 45].includes(bytes.readUInt16LE(6)), name);
  // Comment, disk, internal attributes: none of ours.
  must(bytes.readUInt16LE(32) === 0 && bytes.readUInt16LE(34) === 0 && bytes.readUInt16LE(36) === 0, name);
  const entry = {
    name,
    nameBytes,
    extra,
    flags: bytes.readUInt16LE(8),
    method: bytes.readUInt16LE(10),
    time: bytes.readUInt32LE(12),
    crc: bytes.readUInt32LE(16),
    packed: bytes.readUInt32LE(20),
    size: bytes.readUInt32LE(24),
    attributes: bytes.readUInt32LE(38),
    offset: bytes.readUInt32LE(42),
    isLarge: false,
  };
  must((entry.flags & ~0x0808) === 0 && (entry.method === 0 || entry.method === 8), name);
  for (let at = 0; at < extra.length;) {
    must(at + 4 <= extra.length && at + 4 + extra.readUInt16LE(at + 2) <= extra.length, name);
    const [tag, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    must(tag === 0x5455 ? length === 5 : tag === 1 && length === 24, name);
    if (tag === 1) {
      [entry.size, entry.packed, entry.offset] = [4, 12, 20].map((skip) => Number(extra.readBigUInt64LE(at + skip)));
      must(bytes.readUInt32LE(20) === 0xffffffff && bytes.readUInt32LE(24) === 0xffffffff, name);
      must(bytes.readUInt32LE(42) === 0xffffffff, name);
      entry.isLarge = true;
    }
    at += 4 + length;
  }
  must(entry.isLarge === (bytes.readUInt16LE(6) === 45), name);
  return entry;
}

/** Returns where the next entry begins. */
async function checkLocalHeader(file, entry) {
  const { name, nameBytes, flags, method, time, crc, packed, size, offset, isLarge } = entry;
  const header = await readAt(file, offset, 30 + nameBytes.length);
  must(header.readUInt32LE(0) === 0x04034b50 && header.readUInt16LE(4) === 20, name);
  must(header.readUInt16LE(6) === flags && header.readUInt16LE(8) === method && header.readUInt32LE(10) === time, name);
  must(header.readUInt16LE(26) === nameBytes.length && header.readUInt16LE(28) === 0, name);
  must(header.subarray(30).equals(nameBytes), name);
  const hasDescriptor = (flags & 8) !== 0;
  const said = [14, 18, 22].map((at) => header.readUInt32LE(at));
  must(hasDescriptor ? said.every((value) => value === 0) : `${said}` === `${[crc, packed, size]}`, name);
  entry.dataAt = offset + 30 + nameBytes.length;
  const end = entry.dataAt + packed;
  if (!hasDescriptor) return end;
  const descriptor = await readAt(file, end, isLarge ? 24 : 16);
  must(descriptor.readUInt32LE(0) === 0x08074b50 && descriptor.readUInt32LE(4) === crc, name);
  const sizes = isLarge
    ? [8, 16].map((at) => Number(descriptor.readBigUInt64LE(at)))
    : [8, 12].map((at) => descriptor.readUInt32LE(at));
  must(`${sizes}` === `${[packed, size]}`, name);
  return end + descriptor.length;
}

/** The time in a zip's extra field (Info-ZIP "UT") is the time of the export. */
function checkTimestamp(extra, exportedAt) {
  for (let at = 0; at < extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 0x5455) continue;
    const isRight = extra.readUInt8(at + 4) === 3 && extra.readInt32LE(at + 5) === Math.floor(exportedAt / 1000);
    if (!isRight) throw zipBroken('time');
  }
}

/** Unpacks one file, checks its length and CRC, and gives its digest (and its content when asked). */
async function readContent(file, { name, method, dataAt, packed, size, crc }, keep) {
  const hash = createHash('sha256');
  const kept = [];
  let bytes = 0;
  let sum = 0xffffffff;
  const take = (chunk) => {
    hash.update(chunk);
    sum = crc32(chunk, sum);
    bytes += chunk.length;
    must(bytes <= size, name);
    if (keep) kept.push(chunk);
  };
  const source = slices(file, dataAt, packed);
  if (method === 0) for await (const chunk of source) take(chunk);
  else await inflate(source, take, packed, name);
  must(bytes === size && (sum ^ 0xffffffff) >>> 0 === crc, name);
  return { digest: hash.digest('hex'), bytes, content: keep ? Buffer.concat(kept) : undefined };
}

async function inflate(source, take, packed, name) {
  const stream = createInflateRaw();
  const done = new Promise((resolve, reject) =>
    stream.once('error', () => reject(zipBroken(name))).once('end', resolve),
  );
  done.catch(() => {});
  let failure;
  stream.on('data', (chunk) => {
    try {
      take(chunk);
    } catch (error) {
      failure ??= error;
    }
  });
  for await (const chunk of source) {
    if (failure || stream.destroyed) break;
    if (!stream.write(chunk)) await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), done]);
  }
  stream.end();
  await done;
  if (failure) throw failure;
  must(stream.bytesWritten === packed, name);
}

async function* slices(file, from, length) {
  const most = 1 << 20;
  for (let at = 0; at < length; at += most) yield await readAt(file, from + at, Math.min(most, length - at));
}

async function readAt(file, position, length) {
  must(position >= 0, 'offset');
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  must(bytesRead === length, 'it ends too early');
  return buffer;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c >>> 0;
});
function crc32(chunk, sum) {
  let c = sum;
  for (let i = 0; i < chunk.length; i += 1) c = CRC_TABLE[(c ^ chunk[i]) & 0xff] ^ (c >>> 8);
  return c;
}

// --- the command ---

async function main([path, flag]) {
  if (!path || path.startsWith('-')) {
    console.error('用法 | usage: tocsin-verify <file.zip> [--json]');
    return 2;
  }
  try {
    const result = await verifyEvidence(path);
    if (flag === '--json') console.log(JSON.stringify({ verdict: 'PASSED', ...result }));
    else console.log(report(result));
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (flag === '--json') console.log(JSON.stringify({ verdict: 'FAILED', why }));
    else console.log(`未通过 FAILED\n${why}`);
    return 1;
  }
}

function report({ entries, omitted, lastHash, manifest }) {
  const { chain, blobs } = manifest;
  const gone = blobs.filter(({ absent }) => absent === 'gone').length;
  return [
    '通过 PASSED',
    `站点 site: ${manifest.site}${manifest.incident ? `   事件 incident: ${manifest.incident}` : ''}`,
    `导出 exported: ${new Date(manifest.exportedAt).toISOString()}   ${manifest.exportedBy}`,
    `记录 entries: ${entries}   省略 left out: ${omitted}   附件 files: ${blobs.length - gone}   已不存 gone before export: ${gone}`,
    `首条 first: ${chain.firstSeq}  ${chain.firstHash}`,
    `末条 last:  ${chain.lastSeq}  ${lastHash}`,
    '请与指挥中心时间线上同一序号的哈希核对。',
    'Compare the last hash with the one of the same number on the control room’s timeline.',
  ].join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(await realPath(process.argv[1])).href)
  process.exitCode = await main(process.argv.slice(2));

async function realPath(path) {
  const { realpath } = await import('node:fs/promises');
  return realpath(path);
}
