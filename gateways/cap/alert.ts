/** An alert of the Common Alerting Protocol 1.2 (OASIS, CAP-v1.2-os) as data: what we read of one, and what we write. */
export interface CapAlert {
  identifier: string;
  sender: string;
  /** ms since 1970. */
  sent: number;
  status: 'Actual' | 'Exercise' | 'System' | 'Test' | 'Draft';
  msgType: 'Alert' | 'Update' | 'Cancel' | 'Ack' | 'Error';
  scope: 'Public' | 'Restricted' | 'Private';
  source?: string;
  restriction?: string;
  addresses?: string;
  note?: string;
  /** Earlier messages that this one is about. */
  references: CapReference[];
  incidents?: string;
  /** One for each language. */
  infos: CapInfo[];
}

export interface CapReference {
  sender: string;
  identifier: string;
  sent: number;
}

export interface CapInfo {
  language: string;
  categories: string[];
  event: string;
  responseTypes?: string[];
  urgency: 'Immediate' | 'Expected' | 'Future' | 'Past' | 'Unknown';
  severity: 'Extreme' | 'Severe' | 'Moderate' | 'Minor' | 'Unknown';
  certainty: 'Observed' | 'Likely' | 'Possible' | 'Unlikely' | 'Unknown';
  onset?: number;
  expires?: number;
  senderName?: string;
  headline?: string;
  description?: string;
  instruction?: string;
  areas: CapArea[];
}

export interface CapArea {
  description: string;
  polygons: Place[][];
  circles: { centre: Place; radiusKm: number }[];
}

export interface Place {
  latitude: number;
  longitude: number;
}

/** CAP writes no `Z`, and always whole seconds and an offset (§3.3.2). */
export function writeDateTime(at: number, utcOffsetHours = 0): string {
  const sign = utcOffsetHours < 0 ? '-' : utcOffsetHours === 0 ? '-' : '+';
  const minutes = Math.round(Math.abs(utcOffsetHours) * 60);
  const offset = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  return `${new Date(at + utcOffsetHours * 3600_000).toISOString().slice(0, 19)}${sign}${offset}`;
}

/** ms of a CAP date and time; undefined for what is none. */
export function readDateTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$/.test(text)) return undefined;
  const at = Date.parse(text);
  // JavaScript takes the 31st of February for the 3rd of March.
  const isReal =
    Number.isFinite(at) && new Date(Date.parse(`${text.slice(0, 19)}Z`)).toISOString().startsWith(text.slice(0, 19));
  return isReal ? at : undefined;
}

/** `sender,identifier,sent` with blanks between (§3.2.1). @returns undefined when one is malformed */
export function readReferences(text: string): CapReference[] | undefined {
  const groups = text.trim().split(/\s+/).filter(Boolean);
  const references = groups.map((group) => {
    const [sender, identifier, sent, ...more] = group.split(',');
    const at = sent === undefined ? undefined : readDateTime(sent);
    return sender && identifier && at !== undefined && more.length === 0 ? { sender, identifier, sent: at } : undefined;
  });
  return references.every((each) => each !== undefined) ? references : undefined;
}

/** The middle of what an alert is about: of its first polygon or circle. */
export function middleOf(areas: readonly CapArea[]): Place | undefined {
  const polygon = areas.flatMap(({ polygons }) => polygons)[0];
  if (polygon) {
    // The last point repeats the first.
    const points = polygon.slice(0, -1);
    const mean = (pick: (place: Place) => number) => points.reduce((sum, each) => sum + pick(each), 0) / points.length;
    return { latitude: round(mean(({ latitude }) => latitude)), longitude: round(mean(({ longitude }) => longitude)) };
  }
  return areas.flatMap(({ circles }) => circles)[0]?.centre;
}

function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
