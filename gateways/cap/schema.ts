import { WarningCategory } from '@tocsin/protocol/gateway.ts';
import type { XmlElement } from '../kit/xml.ts';
import { readDateTime } from './alert.ts';

/** The rules of CAP-v1.2.xsd, as a table that can be laid beside it: in this order, so often, of this kind. */
export const CAP_NAMESPACE = 'urn:oasis:names:tc:emergency:cap:1.2';
const SIGNATURE_NAMESPACE = 'http://www.w3.org/2000/09/xmldsig#';

type Kind = 'text' | 'dateTime' | 'language' | 'uri' | 'integer' | 'decimal' | readonly string[] | readonly Rule[];

interface Rule {
  name: string;
  least: 0 | 1;
  most: 1 | 'any';
  kind: Kind;
}

const one = (name: string, kind: Kind = 'text'): Rule => ({ name, least: 1, most: 1, kind });
const maybe = (name: string, kind: Kind = 'text'): Rule => ({ name, least: 0, most: 1, kind });
const any = (name: string, kind: Kind = 'text'): Rule => ({ name, least: 0, most: 'any', kind });
const some = (name: string, kind: Kind = 'text'): Rule => ({ name, least: 1, most: 'any', kind });
const NAMED = [one('valueName'), one('value')] as const;

export const STATUSES = ['Actual', 'Exercise', 'System', 'Test', 'Draft'] as const;
export const MESSAGE_TYPES = ['Alert', 'Update', 'Cancel', 'Ack', 'Error'] as const;
export const SCOPES = ['Public', 'Restricted', 'Private'] as const;
export const URGENCIES = ['Immediate', 'Expected', 'Future', 'Past', 'Unknown'] as const;
export const SEVERITIES = ['Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown'] as const;
export const CERTAINTIES = ['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'] as const;
const CATEGORIES = WarningCategory.options;
const RESPONSES = ['Shelter', 'Evacuate', 'Prepare', 'Execute', 'Avoid', 'Monitor', 'Assess', 'AllClear', 'None'];

const AREA: readonly Rule[] = [
  one('areaDesc'),
  any('polygon'),
  any('circle'),
  any('geocode', NAMED),
  maybe('altitude', 'decimal'),
  maybe('ceiling', 'decimal'),
];

const RESOURCE: readonly Rule[] = [
  one('resourceDesc'),
  one('mimeType'),
  maybe('size', 'integer'),
  maybe('uri', 'uri'),
  maybe('derefUri'),
  maybe('digest'),
];

const INFO: readonly Rule[] = [
  maybe('language', 'language'),
  some('category', CATEGORIES),
  one('event'),
  any('responseType', RESPONSES),
  one('urgency', URGENCIES),
  one('severity', SEVERITIES),
  one('certainty', CERTAINTIES),
  maybe('audience'),
  any('eventCode', NAMED),
  maybe('effective', 'dateTime'),
  maybe('onset', 'dateTime'),
  maybe('expires', 'dateTime'),
  maybe('senderName'),
  maybe('headline'),
  maybe('description'),
  maybe('instruction'),
  maybe('web', 'uri'),
  maybe('contact'),
  any('parameter', NAMED),
  any('resource', RESOURCE),
  any('area', AREA),
];

const ALERT: readonly Rule[] = [
  one('identifier'),
  one('sender'),
  one('sent', 'dateTime'),
  one('status', STATUSES),
  one('msgType', MESSAGE_TYPES),
  maybe('source'),
  one('scope', SCOPES),
  maybe('restriction'),
  maybe('addresses'),
  any('code'),
  maybe('note'),
  maybe('references'),
  maybe('incidents'),
  any('info', INFO),
];

/** What in this document is against the schema; undefined when nothing is. */
export function faultIn(root: XmlElement): string | undefined {
  if (root.name !== 'alert' || root.namespace !== CAP_NAMESPACE) return `the root is not alert of ${CAP_NAMESPACE}`;
  // The schema ends with room for signatures.
  const firstForeign = root.children.findIndex(({ namespace }) => namespace === SIGNATURE_NAMESPACE);
  const own = firstForeign < 0 ? root.children : root.children.slice(0, firstForeign);
  const after = firstForeign < 0 ? [] : root.children.slice(firstForeign);
  if (after.some(({ namespace }) => namespace !== SIGNATURE_NAMESPACE)) return 'something stands after the signature';
  return faultInSequence({ ...root, children: own }, ALERT);
}

function faultInSequence(element: XmlElement, rules: readonly Rule[]): string | undefined {
  if (element.text.trim() !== '') return `text stands beside the elements of ${element.name}`;
  let at = 0;
  for (const { name, least, most, kind } of rules) {
    let count = 0;
    while (at < element.children.length && isNamed(element.children[at]!, name) && (most === 'any' || count < 1)) {
      const fault = faultInKind(element.children[at]!, kind);
      if (fault) return fault;
      at += 1;
      count += 1;
    }
    if (count < least) {
      const found = element.children[at];
      return `${element.name} needs ${name}${found ? ` before ${found.name.slice(0, 40)}` : ''}`;
    }
  }
  const left = element.children[at];
  return left && `${left.name.slice(0, 40)} has no place in ${element.name} here`;
}

function isNamed({ name, namespace }: XmlElement, wanted: string): boolean {
  return name === wanted && namespace === CAP_NAMESPACE;
}

function faultInKind(element: XmlElement, kind: Kind): string | undefined {
  if (typeof kind === 'object' && typeof kind[0] === 'object') return faultInSequence(element, kind as readonly Rule[]);
  if (element.children.length > 0) return `${element.name} holds elements`;
  const { name, text } = element;
  if (typeof kind === 'object')
    return (kind as readonly string[]).includes(text) ? undefined : `${name} is none of its words`;
  switch (kind) {
    case 'text':
    case 'uri':
      return undefined;
    case 'dateTime':
      return readDateTime(text.trim()) === undefined ? `${name} is no date and time with an offset` : undefined;
    case 'language':
      return /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/.test(text.trim()) ? undefined : `${name} is no language`;
    case 'integer':
      return /^[-+]?\d+$/.test(text.trim()) ? undefined : `${name} is no whole number`;
    case 'decimal':
      return /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text.trim()) ? undefined : `${name} is no number`;
  }
}
