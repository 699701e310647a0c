// SRTP by node:crypto alone: a second implementation to hold the media worker's against. First rollover period only.
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const CM_TAG_BYTES = 10;
const GCM_TAG_BYTES = 16;

/** @typedef {'AES_CM_128_HMAC_SHA1_80' | 'AEAD_AES_256_GCM'} Suite */

/** Lengths of master key and master salt (RFC 4568 §6.2, RFC 7714 §12). @type {Record<Suite, [number, number]>} */
export const KEY_BYTES = { AES_CM_128_HMAC_SHA1_80: [16, 14], AEAD_AES_256_GCM: [32, 12] };

/** @param {Suite} suite @param {Buffer} master key and salt, one after the other @param {Buffer} rtp @returns {Buffer} */
export function protect(suite, master, rtp) {
  const keys = sessionKeys(suite, master);
  const header = rtp.subarray(0, headerBytes(rtp));
  const payload = rtp.subarray(header.length);
  if (suite === 'AEAD_AES_256_GCM') {
    const cipher = createCipheriv('aes-256-gcm', keys.cipher, gcmNonce(header, keys.salt));
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  }
  const body = createCipheriv('aes-128-ctr', keys.cipher, counter(header, keys.salt)).update(payload);
  return Buffer.concat([header, body, cmTag(keys.auth, header, body)]);
}

/** Throws when the packet is not authentic. @param {Suite} suite @param {Buffer} master @param {Buffer} srtp @returns {Buffer} */
export function unprotect(suite, master, srtp) {
  const keys = sessionKeys(suite, master);
  const header = srtp.subarray(0, headerBytes(srtp));
  if (suite === 'AEAD_AES_256_GCM') {
    const decipher = createDecipheriv('aes-256-gcm', keys.cipher, gcmNonce(header, keys.salt));
    decipher.setAAD(header);
    decipher.setAuthTag(srtp.subarray(-GCM_TAG_BYTES));
    const payload = decipher.update(srtp.subarray(header.length, -GCM_TAG_BYTES));
    return Buffer.concat([header, payload, decipher.final()]);
  }
  const body = srtp.subarray(header.length, -CM_TAG_BYTES);
  if (!cmTag(keys.auth, header, body).equals(srtp.subarray(-CM_TAG_BYTES))) throw new Error('SRTP tag does not match');
  return Buffer.concat([header, createDecipheriv('aes-128-ctr', keys.cipher, counter(header, keys.salt)).update(body)]);
}

/** The fixed header, the contributing sources and the extension: what SRTP leaves readable (RFC 3550 §5.1, §5.3.1). @param {Buffer} rtp */
export function headerBytes(rtp) {
  const beforeExtension = 12 + 4 * (rtp.readUInt8(0) & 0x0f);
  const hasExtension = (rtp.readUInt8(0) & 0x10) !== 0;
  return hasExtension ? beforeExtension + 4 + 4 * rtp.readUInt16BE(beforeExtension + 2) : beforeExtension;
}

/** RFC 3711 §4.3: the label goes into the seventh octet of the salt, which RFC 7714 §11 pads to 14 octets. @param {Suite} suite @param {Buffer} master */
function sessionKeys(suite, master) {
  const [keyBytes, saltBytes] = KEY_BYTES[suite];
  const masterKey = master.subarray(0, keyBytes);
  const derive = (/** @type {number} */ label, /** @type {number} */ bytes) => {
    const iv = Buffer.alloc(16);
    master.copy(iv, 0, keyBytes, keyBytes + saltBytes);
    iv.writeUInt8(iv.readUInt8(7) ^ label, 7);
    return createCipheriv(`aes-${keyBytes * 8}-ctr`, masterKey, iv).update(Buffer.alloc(bytes));
  };
  return { cipher: derive(0, keyBytes), auth: derive(1, 20), salt: derive(2, saltBytes) };
}

/** RFC 3711 §4.1.1. @param {Buffer} header @param {Buffer} salt */
function counter(header, salt) {
  const iv = Buffer.alloc(16);
  salt.copy(iv);
  xor(iv, 4, header.subarray(8, 12));
  xor(iv, 12, header.subarray(2, 4));
  return iv;
}

/** RFC 7714 §8.1. @param {Buffer} header @param {Buffer} salt */
function gcmNonce(header, salt) {
  const iv = Buffer.from(salt);
  xor(iv, 2, header.subarray(8, 12));
  xor(iv, 10, header.subarray(2, 4));
  return iv;
}

/** @param {Buffer} key @param {Buffer} header @param {Buffer} body */
function cmTag(key, header, body) {
  const rollovers = Buffer.alloc(4);
  return createHmac('sha1', key).update(header).update(body).update(rollovers).digest().subarray(0, CM_TAG_BYTES);
}

/** @param {Buffer} target @param {number} at @param {Buffer} source */
function xor(target, at, source) {
  source.forEach((byte, i) => target.writeUInt8(target.readUInt8(at + i) ^ byte, at + i));
}
