import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Right } from '@tocsin/protocol/directory.ts';
import type { Session } from '#directory/rights.ts';
import type { Desk } from '#dispatch/desk.ts';

/** How one part is: `ok`, or what is wrong with it in a few words. */
export type PartHealth = 'ok' | { problem: string } | { preparing: string; done?: number; total?: number };

/** Asks each part how it is. */
export interface HealthParts {
  sip(): PartHealth;
  media(): PartHealth;
  webrtc(): PartHealth;
  database(): PartHealth;
  mqtt(): PartHealth;
  gateways(): PartHealth;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's session; absent only on routes that are `open`. */
    session: Session;
    token: string;
  }
  interface FastifyContextConfig {
    /** The right that the route takes; absent: any session will do. */
    right?: Right;
    /** Anyone may ask. */
    isOpen?: boolean;
  }
}

export type Http = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  import('fastify').FastifyBaseLogger,
  ZodTypeProvider
>;

/** What the routes work with. */
export interface HttpParts {
  desk: Desk;
  health: HealthParts;
  consoleFolder: string;
  siteFolder: string;
  dataFolder: string;
  /** PEM texts, for HTTPS. */
  tls?: { cert: string; key: string };
}
