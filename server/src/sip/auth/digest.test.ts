import assert from 'node:assert/strict';
import { test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { ManualClock } from '#kernel/clock.ts';
import { formatAuthValue, parseAuthValue } from '../message/credentials.ts';
import { Request, Response } from '../message/message.ts';
import { digestResponse, digestSecret } from './digest.ts';
import { answerChallenge } from './digest-client.ts';
import { DigestServer } from './digest-server.ts';

test('the example of RFC 2617 §3.5', () => {
  const { ha1Md5 } = digestSecret('Mufasa', 'testrealm@host.com', 'Circle Of Life');
  assert.equal(ha1Md5, '939e7578ed9e3c518a452acee763bce9');
  const response = digestResponse(ha1Md5, {
    algorithm: 'MD5',
    method: 'GET',
    uri: '/dir/index.html',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    qop: { value: 'auth', nc: '00000001', cnonce: '0a4f113b' },
  });
  assert.equal(response, '6629fae49393a05397450978507c4ef1');
});

test('the examples of RFC 7616 §3.9.1, MD5 and SHA-256', () => {
  const secret = digestSecret('Mufasa', 'http-auth@example.org', 'Circle of Life');
  const input = {
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    qop: { value: 'auth', nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
  } as const;
  assert.equal(digestResponse(secret.ha1Md5, { algorithm: 'MD5', ...input }), '8ca523f5e9506fed4657c9700eebdbec');
  assert.equal(
    digestResponse(secret.ha1Sha256, { algorithm: 'SHA-256', ...input }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

function server() {
  const clock = new ManualClock();
  const chance = seededChance('digest');
  const digest = new DigestServer({
    realm: 'tocsin',
    credentials: async (user) => (user === '1001' ? digestSecret('1001', 'tocsin', 'secret') : undefined),
    clock,
    chance,
  });
  const request = () =>
    new Request('REGISTER', 'sip:tocsin').add('Via', 'SIP/2.0/UDP p;branch=z9hG4bK1').add('To', '<sip:1001@tocsin>');
  const answered = (challenge: Response, password = 'secret', user = '1001') => {
    const next = request();
    assert.ok(answerChallenge(next, challenge, { user, password }, chance));
    return next;
  };
  const challenge = () => digest.challenge(Response.to(request(), 401), request());
  return { clock, digest, request, answered, challenge };
}

test('the right password is accepted, by SHA-256 where the client knows it and by MD5 where not', async () => {
  const { digest, answered, challenge } = server();
  const strong = answered(challenge());
  assert.match(strong.get('Authorization')!, /algorithm=SHA-256/);
  assert.deepEqual(await digest.verify(strong), { kind: 'accepted', user: '1001' });
  const onlyMd5 = challenge();
  onlyMd5.set(
    'WWW-Authenticate',
    onlyMd5.all('WWW-Authenticate').find((line) => line.includes('MD5'))!,
  );
  assert.deepEqual(await digest.verify(answered(onlyMd5)), { kind: 'accepted', user: '1001' });
});

test('a wrong password and an unknown user look the same, no credentials are absent', async () => {
  const { digest, answered, challenge, request } = server();
  assert.deepEqual(await digest.verify(answered(challenge(), 'guess')), { kind: 'wrong', user: '1001', isKnown: true });
  assert.deepEqual(await digest.verify(answered(challenge(), 'secret', '666')), {
    kind: 'wrong',
    user: '666',
    isKnown: false,
  });
  assert.deepEqual(await digest.verify(request()), { kind: 'absent' });
  const odd = request().add('Authorization', 'NoOneKnowsThisScheme opaque-data=here');
  assert.deepEqual(await digest.verify(odd), { kind: 'absent' });
});

test('credentials seen before are stale, a higher count of the same nonce is not', async () => {
  const { digest, answered, challenge } = server();
  const first = answered(challenge());
  assert.equal((await digest.verify(first)).kind, 'accepted');
  assert.equal((await digest.verify(first)).kind, 'stale');
  const value = parseAuthValue(first.get('Authorization')!);
  value.params.set('nc', '00000002');
  value.params.set(
    'response',
    digestResponse(digestSecret('1001', 'tocsin', 'secret').ha1Sha256, {
      algorithm: 'SHA-256',
      method: 'REGISTER',
      uri: 'sip:tocsin',
      nonce: value.params.get('nonce')!,
      qop: { value: 'auth', nc: '00000002', cnonce: value.params.get('cnonce')! },
    }),
  );
  first.set('Authorization', formatAuthValue(value, 'credentials'));
  assert.equal((await digest.verify(first)).kind, 'accepted');
});

test('a nonce grows old after five minutes, one we never made is no credentials at all', async () => {
  const { clock, digest, answered, challenge } = server();
  const late = answered(challenge());
  clock.advance(301_000);
  assert.equal((await digest.verify(late)).kind, 'stale');
  const forged = challenge();
  forged.set('WWW-Authenticate', 'Digest realm="tocsin", nonce="abc.def.ghi", qop="auth"');
  assert.equal((await digest.verify(answered(forged))).kind, 'absent');
});

test('credentials for another request do not fit', async () => {
  const { digest, answered, challenge } = server();
  const stolen = answered(challenge());
  const invite = new Request('INVITE', 'sip:tocsin').add('Authorization', stolen.get('Authorization')!);
  assert.equal((await digest.verify(invite)).kind, 'wrong');
  const elsewhere = new Request('REGISTER', 'sip:9@tocsin').add(
    'Authorization',
    stolen.get('Authorization')!.replace('uri="sip:tocsin"', 'uri="sip:8@tocsin"'),
  );
  assert.equal((await digest.verify(elsewhere)).kind, 'wrong');
});
