import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  messageLength,
  MT_REFUSALS,
  readMobileOriginated,
  readMobileTerminated,
  readMoConfirmation,
  readMtConfirmation,
  writeMobileOriginated,
  writeMobileTerminated,
  writeMoConfirmation,
  writeMtConfirmation,
  type MobileOriginated,
} from './direct-ip.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const ascii = (text: string) => Buffer.from(text).toString('hex');

/**
 * The example of the SBD developers guide, element by element: CDR 1234567 of modem 300034010123450, MOMSN 54321, MTMSN
 * 12345, 30 December 2005 13:45:05 (the guide's clock), with a payload of 70 octets.
 */
const MO_EXAMPLE = bytes(`
  01 0068
  01 001c 0012d687 ${ascii('300034010123450')} 00 d431 3039 43b539e1
  02 0046 ${'5a'.repeat(70)}
`);

test('the guide’s mobile-originated example is read as it says', () => {
  const message = readMobileOriginated(MO_EXAMPLE);
  assert.ok(typeof message !== 'string', String(message));
  const { payload, ...rest } = message;
  assert.deepEqual(rest, {
    cdrReference: 1_234_567,
    imei: '300034010123450',
    sessionStatus: 0,
    momsn: 54_321,
    mtmsn: 12_345,
    at: 1_135_950_305_000,
  });
  assert.equal(payload?.length, 70);
  assert.deepEqual(Buffer.from(writeMobileOriginated(message)), Buffer.from(MO_EXAMPLE), 'and written as it stands');
});

test('a place is degrees and thousandths of minutes, with its hemispheres', () => {
  const header = `01 001c 00000001 ${ascii('300034010123450')} 02 0001 0000 00000000`;
  // 33° 42.123' S, 70° 30.5' W, within 2 km.
  const message = readMobileOriginated(bytes(`01 002d ${header} 03 000b 03 21 a48b 46 7724 00000002`));
  assert.ok(typeof message !== 'string', String(message));
  assert.equal(message.location!.latitude.toFixed(6), (-33 - 42.123 / 60).toFixed(6));
  assert.equal(message.location!.longitude.toFixed(6), (-70 - 30.5 / 60).toFixed(6));
  assert.equal(message.location!.radiusKm, 2);
  const again = readMobileOriginated(writeMobileOriginated(message)) as MobileOriginated;
  assert.deepEqual(again.location, message.location);
});

test('the guide’s mobile-terminated example: “Msg1”, 70 octets, 97 in all; and its confirmation', () => {
  const message = bytes(`01 0061 41 0015 ${ascii('Msg1')} ${ascii('300034010123450')} 0000 42 0046 ${'31'.repeat(70)}`);
  const read = readMobileTerminated(message);
  assert.ok(typeof read !== 'string', String(read));
  assert.deepEqual([read.clientMessageId, read.imei, read.payload.length], [0x4d736731, '300034010123450', 70]);
  assert.deepEqual(Buffer.from(writeMobileTerminated(read)), Buffer.from(message));

  const confirmation = bytes(`01 001c 44 0019 ${ascii('Msg1')} ${ascii('300034010123450')} 0000e469 0000`);
  const told = readMtConfirmation(confirmation);
  assert.deepEqual(told, { clientMessageId: 0x4d736731, imei: '300034010123450', autoReference: 58_473, status: 0 });
  assert.deepEqual(Buffer.from(writeMtConfirmation(told as never)), Buffer.from(confirmation));
  const refused = readMtConfirmation(writeMtConfirmation({ ...(told as object), status: -5 } as never));
  assert.ok(typeof refused !== 'string' && MT_REFUSALS[refused.status]?.includes('queue'));
});

test('the confirmation of a mobile-originated message', () => {
  assert.deepEqual([...writeMoConfirmation(true)], [1, 0, 4, 5, 0, 1, 1]);
  assert.equal(readMoConfirmation(writeMoConfirmation(true)), true);
  assert.equal(readMoConfirmation(writeMoConfirmation(false)), false);
  assert.equal(readMoConfirmation(MO_EXAMPLE), undefined);
});

test('any bytes, and any example with a hurt octet, are read or left with a complaint', () => {
  const readers = [readMobileOriginated, readMobileTerminated, readMtConfirmation, readMoConfirmation, messageLength];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
      for (const read of readers) read(any);
    }),
  );
  fc.assert(
    fc.property(fc.nat(MO_EXAMPLE.length - 1), fc.nat(255), fc.nat(MO_EXAMPLE.length), (at, value, length) => {
      const hurt = Uint8Array.from(MO_EXAMPLE);
      hurt[at] = value;
      for (const read of readers) {
        read(hurt);
        read(hurt.subarray(0, length));
      }
    }),
  );
});
