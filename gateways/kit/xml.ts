import { SaxesParser } from 'saxes';

export const XML_LIMITS = {
  /** Characters of a document. */
  characters: 1024 * 1024,
  elements: 20_000,
  depth: 32,
  attributesOfOne: 50,
} as const;

/** An element, with what it holds: its own text joined, and its children in order. */
export interface XmlElement {
  name: string;
  namespace: string;
  attributes: Record<string, string>;
  text: string;
  children: XmlElement[];
}

export type XmlReading = { kind: 'document'; root: XmlElement } | { kind: 'refused'; why: string };

/**
 * Reads an XML 1.0 document with namespaces, strictly: what is not well-formed is refused. So is a document type
 * declaration, and with it every entity but the five of XML: nothing is expanded, nothing is fetched.
 *
 * @param limits what this kind of document needs; never more than XML_LIMITS
 */
export function readXml(text: string, limits: { characters?: number } = {}): XmlReading {
  const atMost = Math.min(limits.characters ?? XML_LIMITS.characters, XML_LIMITS.characters);
  if (text.length > atMost) return { kind: 'refused', why: `longer than ${atMost} characters` };
  let root: XmlElement | undefined;
  let elements = 0;
  const open: XmlElement[] = [];
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', (error) => {
    throw new Refusal(error.message);
  });
  parser.on('doctype', () => {
    throw new Refusal('a document type declaration is not taken');
  });
  parser.on('processinginstruction', () => {
    throw new Refusal('a processing instruction is not taken');
  });
  parser.on('opentag', ({ local, uri, attributes }) => {
    elements += 1;
    if (elements > XML_LIMITS.elements) throw new Refusal(`more than ${XML_LIMITS.elements} elements`);
    if (open.length >= XML_LIMITS.depth) throw new Refusal(`deeper than ${XML_LIMITS.depth} elements`);
    const all = Object.entries(attributes);
    if (all.length > XML_LIMITS.attributesOfOne) throw new Refusal('too many attributes');
    const element: XmlElement = {
      name: local,
      namespace: uri,
      attributes: Object.fromEntries(all.map(([name, { value }]) => [name, value])),
      text: '',
      children: [],
    };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const addText = (more: string) => {
    const element = open.at(-1);
    if (element) element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => void open.pop());
  try {
    // A byte order mark is no part of the document.
    parser.write(text.replace(/^\uFEFF/, '')).close();
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', why: error.message };
    throw error;
  }
  return root ? { kind: 'document', root } : { kind: 'refused', why: 'no element' };
}

class Refusal extends Error {}

/** The first child of this name; its text without the white space around it. */
export function textOf(element: XmlElement, name: string): string | undefined {
  const found = element.children.find((child) => child.name === name)?.text.trim();
  return found === '' ? undefined : found;
}

/** Text as it stands between tags or in an attribute. What XML 1.0 cannot carry is left out. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
