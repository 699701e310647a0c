import { canonical, sha256 } from './canonical.ts';

/** A recording, picture or document that belongs to an entry; the file may be moved or deleted, the digest stays. */
export interface Blob {
  /** Of the file's bytes, 64 characters of lower-case hex. */
  sha256: string;
  kind: 'audio' | 'video' | 'picture' | 'document';
  /** Below the data folder. */
  path: string;
  /** Duration. */
  ms?: number;
}

/** Something that happened, as it is told to the timeline. */
export interface NewEntry {
  /** `noun.verb-past`: `call.leg-answered`. */
  kind: string;
  /** When it happened, in milliseconds since 1970; absent: now. */
  at?: number;
  incident?: string;
  run?: string;
  call?: string;
  alarm?: string;
  person?: string;
  /** Who did it: a user's id, `system`, or `device:<id>`. */
  actor?: string;
  organisation?: string;
  isDrill?: boolean;
  data?: Record<string, unknown>;
  blobs?: Blob[];
}

/** An entry as it stands in the chain. */
export interface Entry extends NewEntry {
  /** 1, 2, 3 … without a gap. */
  seq: number;
  id: string;
  at: number;
  /** When it was written down; later than `at` for news that had to wait on their way. */
  recordedAt: number;
  /** Of the content: everything but seq, digest, previous and hash. */
  digest: string;
  /** Hash of the entry before; NOTHING_BEFORE for the first. */
  previous: string;
  hash: string;
}

/** What the first entry of a chain follows. */
export const NOTHING_BEFORE = '0'.repeat(64);

/** Characters of an entry's content as canonical JSON; a larger one is refused with TOO_LARGE. */
export const CONTENT_LIMIT = 64 * 1024;

/** An entry's content, ready to be put into the chain. */
export interface Content extends NewEntry {
  id: string;
  at: number;
  recordedAt: number;
}

/** The content as it is hashed and kept. */
export function contentBody(content: Content): string {
  return canonical(content);
}

/**
 * Puts a content into the chain. Its text enters the hash through a digest of its own, so that an extract can leave an
 * entry out and still show, by the digest alone, that the chain runs through it unbroken.
 */
export function link(body: string, seq: number, previous: string): { digest: string; hash: string } {
  const digest = sha256(body);
  return { digest, hash: linkHash({ seq, digest, previous }) };
}

/** SHA-256 over the canonical JSON of exactly these three fields. */
export function linkHash({ seq, digest, previous }: { seq: number; digest: string; previous: string }): string {
  return sha256(`{"digest":"${digest}","previous":"${previous}","seq":${seq}}`);
}
