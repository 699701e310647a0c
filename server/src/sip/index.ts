/** The SIP stack as gateways see it. Inside the server, import the file that defines the thing. */
export { digestResponse, digestSecret, ha1Of, type DigestAlgorithm, type DigestSecret } from './auth/digest.ts';
export type { Binding } from './registrar/binding.ts';
export { type BindingStore, noBindingStore } from './registrar/binding-store.ts';
export { type Replaces, parseReplaces } from './session/replaces.ts';
export type { Takeover } from './dialog/dialog-table.ts';
export type { IncomingInvite, Party } from './session/incoming-invite.ts';
export type { DialogEnding, InviteDialog, InviteDialogEvents, Refer, Reoffer } from './session/invite-dialog.ts';
export type { InviteOutcome, OutgoingInvite } from './session/outgoing-invite.ts';
export { type CallHistory, assertedIdentity, readHistory } from './message/identity.ts';
export { type DialogLamp, dialogInfo, messageSummary } from './subscription/bodies.ts';
export type { Notifier, NotifierOptions, Watched } from './subscription/notifier.ts';
export type { IncomingMessage, MessageOptions, MessageOutcome } from './user-agent/text-message.ts';
export { type PeerState, PeerSupervision, type SupervisionOptions } from './user-agent/supervision.ts';
export type { RegisterOptions, Registration, RegistrationState } from './user-agent/registration.ts';
export {
  type InviteOptions,
  type UserAgent,
  type UserAgentEvents,
  type UserAgentOptions,
  openUserAgent,
} from './user-agent/user-agent.ts';
