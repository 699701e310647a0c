import type { DeviceAlarm } from '@tocsin/protocol/gateway.ts';

/** What one message of a foreign device means to us. */
export interface Translation {
  /** Alarms that stand now; a repeat of the same kind is not a new one until it was gone. */
  alarms: { kind: DeviceAlarm['kind']; text?: string }[];
  batteryPercent?: number;
  signalDbm?: number;
  location?: { latitude: number; longitude: number };
}

/** Words that buttons use for their press. */
const PRESSES = new Set([
  'single',
  'double',
  'triple',
  'long',
  'hold',
  'press',
  'pressed',
  'on',
  'emergency',
  'panic',
  'sos',
  'alarm',
  'help',
]);

/** Flags of detectors, and what they mean when true. */
const FLAGS: Record<string, DeviceAlarm['kind']> = {
  sos: 'one-key',
  panic: 'one-key',
  emergency: 'one-key',
  fall: 'fall',
  smoke: 'smoke',
  gas: 'gas',
  carbon_monoxide: 'gas',
  water_leak: 'water',
  water: 'water',
  intrusion: 'intrusion',
  vibration: 'intrusion',
  tamper: 'technical',
  battery_low: 'technical',
};

/**
 * Reads the flat JSON that Zigbee, LoRa and Wi-Fi buttons and detectors publish on their own brokers (zigbee2mqtt's
 * words and their like). Unknown fields are left alone. @returns undefined for what is not an object
 */
export function translate(body: unknown): Translation | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const fields = body as Record<string, unknown>;
  const alarms: Translation['alarms'] = [];
  const action = fields.action ?? fields.click ?? fields.event ?? fields.state_action;
  if (typeof action === 'string' && PRESSES.has(action.toLowerCase()))
    alarms.push({ kind: 'one-key', text: `key: ${action.slice(0, 40)}` });
  for (const [name, kind] of Object.entries(FLAGS))
    if (fields[name] === true || fields[name] === 1) alarms.push({ kind, ...(kind === 'technical' && { text: name }) });

  const batteryPercent = percent(fields.battery ?? fields.battery_percent);
  const rssi = number(fields.rssi);
  const latitude = number(fields.latitude ?? fields.lat);
  const longitude = number(fields.longitude ?? fields.lon ?? fields.lng);
  const isPlace =
    latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  return {
    alarms,
    ...(batteryPercent !== undefined && { batteryPercent }),
    ...(rssi !== undefined && rssi <= 0 && rssi >= -150 && { signalDbm: rssi }),
    ...(isPlace && { location: { latitude, longitude } }),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function percent(value: unknown): number | undefined {
  const given = number(value);
  return given !== undefined && given >= 0 && given <= 100 ? given : undefined;
}
