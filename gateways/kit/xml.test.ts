import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeXml, readXml, XML_LIMITS } from './xml.ts';

const why = (text: string) => {
  const reading = readXml(text);
  return reading.kind === 'refused' ? reading.why : undefined;
};

test('elements, namespaces, text and CDATA are read in order', () => {
  const reading = readXml(
    '\uFEFF<?xml version="1.0" encoding="UTF-8"?><a xmlns="urn:x" xmlns:p="urn:y" n="1">one &amp; <p:b>two</p:b><![CDATA[<3>]]></a>',
  );
  assert.ok(reading.kind === 'document');
  const { root } = reading;
  assert.deepEqual([root.name, root.namespace, root.text, root.attributes['n']], ['a', 'urn:x', 'one & <3>', '1']);
  assert.deepEqual(
    root.children.map(({ name, namespace, text }) => [name, namespace, text]),
    [['b', 'urn:y', 'two']],
  );
});

test('entities are refused: those that fetch files, and those that grow', () => {
  assert.match(why('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')!, /document type/);
  const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
  assert.match(why(`<!DOCTYPE a [<!ENTITY l0 "ha">${laughs}]><a>&l9;</a>`)!, /document type/);
  assert.match(why('<a>&x;</a>')!, /entity/i);
});

test('what is not well-formed, too deep or too large is refused', () => {
  for (const text of [
    '',
    'x',
    '<a>',
    '<a></b>',
    '<a><b></a></b>',
    '<a/><b/>',
    '<a b="1" b="2"/>',
    '<p:a/>',
    '<a>\u0000</a>',
  ])
    assert.ok(why(text) !== undefined, text);
  assert.match(why('<a>'.repeat(XML_LIMITS.depth + 1))!, /deeper/);
  assert.match(why(`<a>${'<b/>'.repeat(XML_LIMITS.elements)}</a>`)!, /elements/);
  assert.match(why('x'.repeat(XML_LIMITS.characters + 1))!, /longer/);
});

test('whatever comes is read or refused, and what is escaped is read as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => void readXml(text)),
    { numRuns: 1000 },
  );
  const markup = fc.array(
    fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      '&',
      ';',
      '!',
      '[',
      ']',
      '?',
      '"',
      '=',
      ' ',
      '<a>',
      '</a>',
      '<![CDATA[',
      ']]>',
      '<!--',
    ),
  );
  fc.assert(
    fc.property(markup, (parts) => void readXml(parts.join(''))),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const reading = readXml(`<a b="${escapeXml(text)}"/>`);
      assert.ok(reading.kind === 'document');
    }),
  );
});
