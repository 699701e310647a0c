/** The part of smpp 0.5 that we use. */
declare module 'smpp' {
  import type { EventEmitter } from 'node:events';
  import type { Server as NetServer, Socket } from 'node:net';

  interface Pdu {
    command: string;
    command_status: number;
    sequence_number: number;
    isResponse(): boolean;
    response(options?: Record<string, unknown>): Pdu;
    toBuffer(): Buffer;
    system_id?: string;
    password?: string;
    source_addr?: string;
    destination_addr?: string;
    esm_class?: number;
    data_coding?: number;
    short_message?: Buffer;
    message_payload?: Buffer;
    message_id?: string;
    receipted_message_id?: string;
    message_state?: number;
    registered_delivery?: number;
    user_message_reference?: number;
    source_addr_ton?: number;
    dest_addr_ton?: number;
  }

  interface Session extends EventEmitter {
    socket: Socket;
    send(pdu: Pdu, onResponse?: (pdu: Pdu) => void, onSent?: () => void): boolean;
    close(done?: () => void): void;
    destroy(done?: () => void): void;
  }

  const smpp: {
    connect(options: { host: string; port: number; tls?: boolean }): Session;
    createServer(options: object, onSession: (session: Session) => void): NetServer & { sessions: Session[] };
    PDU: new (command: string | Buffer, options?: Record<string, unknown>) => Pdu;
    errors: Record<string, number>;
    filters: { message: { encode(value: unknown): unknown; decode(value: unknown): unknown } };
  };
  export default smpp;
  export type { Pdu, Session };
}
