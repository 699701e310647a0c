import { BadMessage } from '../message/bad-message.ts';
import { Request, type Response } from '../message/message.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import { formatUri } from '../message/uri.ts';
import { type Flow, type Hop, bracketed } from '../transport/flow.ts';
import { hopOfText } from './hop.ts';

/** The largest CSeq a dialog begins with leaves room to count on (RFC 3261 §8.1.1.5). */
const FIRST_CSEQ = 1;

type DialogState = Pick<
  Dialog,
  | 'callId'
  | 'localTag'
  | 'remoteTag'
  | 'local'
  | 'remote'
  | 'routeSet'
  | 'remoteTarget'
  | 'localCSeq'
  | 'remoteCSeq'
  | 'flow'
>;

/** A dialog (RFC 3261 §12): what both ends must know to send each other requests. */
export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To of our requests, as they go on the wire. */
  readonly local: string;
  readonly remote: string;
  routeSet: string[];
  /** The peer's Contact: the Request-URI of our requests. */
  remoteTarget: string;
  localCSeq: number;
  remoteCSeq: number | undefined;
  /** The way our requests must go, when the remote target alone would not lead there: a connection, or through a NAT. */
  flow: Flow | undefined;

  private constructor(state: DialogState) {
    this.callId = state.callId;
    this.localTag = state.localTag;
    this.remoteTag = state.remoteTag;
    this.local = state.local;
    this.remote = state.remote;
    this.routeSet = state.routeSet;
    this.remoteTarget = state.remoteTarget;
    this.localCSeq = state.localCSeq;
    this.remoteCSeq = state.remoteCSeq;
    this.flow = state.flow;
  }

  /** A dialog whose state is known from elsewhere. */
  static of(state: DialogState): Dialog {
    return new Dialog(state);
  }

  /** The dialog that a request and our response with `localTag` make, seen by the UAS (§12.1.1). */
  static asUas(request: Request, localTag: string, flow: Flow): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag,
      remoteTag: request.fromTag ?? '',
      local: `${request.get('To')!};tag=${localTag}`,
      remote: request.get('From')!,
      routeSet: routesOf(request),
      remoteTarget: contactOf(request) ?? formatUri(request.from.uri),
      localCSeq: FIRST_CSEQ - 1,
      remoteCSeq: request.cseq.number,
      flow: flowToKeep(request, flow),
    });
  }

  /** The dialog that our request and a response to it make, seen by the UAC (§12.1.2). */
  static asUac(request: Request, response: Response, flow: Flow | undefined): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag: request.fromTag!,
      remoteTag: response.toTag ?? '',
      local: request.get('From')!,
      remote: response.get('To')!,
      routeSet: routesOf(response).reverse(),
      remoteTarget: contactOf(response) ?? request.requestUri,
      localCSeq: request.cseq.number,
      remoteCSeq: undefined,
      flow,
    });
  }

  get id(): string {
    return dialogId(this.callId, this.localTag, this.remoteTag);
  }

  /**
   * A request within the dialog (§12.2.1.1), with the next CSeq; ACK and CANCEL take `cseq`, that of their INVITE. Via and
   * Contact are for the sender.
   */
  request(method: string, cseq = this.#nextCSeq()): Request {
    const [first] = this.routeSet;
    let requestUri = this.remoteTarget;
    let routes = this.routeSet;
    // A strict router wants itself as the Request-URI and the target at the end (RFC 2543's way, kept by §12.2.1.1).
    if (first !== undefined && !isLooseRouter(first)) {
      requestUri = formatUri(parseNameAddr(first).uri);
      routes = [...this.routeSet.slice(1), `<${this.remoteTarget}>`];
    }
    const request = new Request(method, requestUri).add('Max-Forwards', '70');
    for (const route of routes) request.add('Route', route);
    request.add('From', this.local).add('To', this.remote).add('Call-ID', this.callId);
    return request.add('CSeq', `${cseq} ${method}`);
  }

  /** Where the dialog's requests go when no flow is kept: the first route, or the remote target. */
  get nextHop(): Hop | undefined {
    const [first] = this.routeSet;
    return hopOfText(first === undefined ? this.remoteTarget : formatUri(parseNameAddr(first).uri));
  }

  /** Takes the CSeq of a request from the peer; false when it is out of order, which is answered 500 (§12.2.2). */
  takeCSeq(request: Request): boolean {
    const { number } = request.cseq;
    if (this.remoteCSeq !== undefined && number <= this.remoteCSeq) return false;
    this.remoteCSeq = number;
    return true;
  }

  /** Takes the peer's new Contact from a target refresh: re-INVITE or UPDATE, or the 2xx to ours. */
  refreshTarget(message: Request | Response): void {
    this.remoteTarget = contactOf(message) ?? this.remoteTarget;
  }

  /** A peer that came back over a new connection is reached over that one from now on. */
  refreshFlow(request: Request, flow: Flow): void {
    if (this.flow && this.flow !== flow) this.flow = flowToKeep(request, flow);
  }

  #nextCSeq(): number {
    this.localCSeq += 1;
    return this.localCSeq;
  }
}

/** What dialogs are found by. */
export const dialogId = (callId: string, localTag: string, remoteTag: string): string =>
  `${callId}|${localTag}|${remoteTag}`;

/** A Contact that cannot be read counts as none: the dialog stands, and is reached where its request went. */
function contactOf(message: Request | Response): string | undefined {
  try {
    const [contact] = message.contacts;
    return contact === undefined || contact === '*' ? undefined : formatUri(contact.uri);
  } catch (error) {
    if (error instanceof BadMessage) return undefined;
    throw error;
  }
}

/** The Record-Routes of a message; throws BadMessage now rather than when a request is to be sent along them. */
export function routesOf(message: Request | Response): string[] {
  const routes = message.list('Record-Route');
  for (const route of routes) parseNameAddr(route);
  return routes;
}

const isLooseRouter = (route: string): boolean => {
  const { uri } = parseNameAddr(route);
  return (uri.scheme === 'sip' || uri.scheme === 'sips') && uri.params.has('lr');
};

/**
 * Whether requests to the peer must go the way its request came. A connection is used both ways (RFC 5923). With one Via
 * the sender is the peer itself, so a Contact that names another address than it came from is behind a NAT.
 */
function flowToKeep(request: Request, flow: Flow): Flow | undefined {
  if (flow.transport === 'ws') return flow;
  if (request.list('Via').length > 1) return undefined;
  if (flow.transport !== 'udp') return flow;
  const [contact] = request.contacts;
  if (!contact || contact === '*' || contact.uri.scheme !== 'sip') return flow;
  return contact.uri.host === bracketed(flow.remote.host) ? undefined : flow;
}
