/**
 * SIP clients of others for a page. Each script leaves a telephone there: register(), call(number), hold(isHeld), press(key),
 * transfer(number), consult(number), join(), hangUp(), state(); it answers by itself.
 */
export const SIP_JS = `
import { UserAgent, Registerer, Inviter, SessionState, Web } from 'sip.js';
let agent, session, first;
const uri = (number) => UserAgent.makeURI('sip:' + number + '@tocsin');
const follow = (now) => {
  session = now;
  const audio = new Audio();
  const hear = () => {
    audio.srcObject = now.sessionDescriptionHandler.remoteMediaStream;
    // A track that comes right behind the first begins the playing anew.
    void audio.play().catch(() => undefined);
  };
  now.delegate = { onSessionDescriptionHandler: (handler) => { handler.peerConnectionDelegate = { ontrack: hear }; } };
  now.stateChange.addListener((state) => {
    if (state === SessionState.Established) hear();
  });
};
const hold = (held, isHeld) => new Promise((resolve, reject) => held.invite({
  sessionDescriptionHandlerOptions: { hold: isHeld },
  requestDelegate: { onAccept: () => resolve(), onReject: ({ message }) => reject(new Error('re-INVITE: ' + message.statusCode)) },
}));
globalThis.telephone = {
  async register({ server, account, password }) {
    agent = new UserAgent({
      uri: uri(account),
      authorizationUsername: account, authorizationPassword: password, logBuiltinEnabled: false,
      transportOptions: { server },
      sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 1000, peerConnectionConfiguration: { iceServers: [] } },
      delegate: { onInvite(invitation) { follow(invitation); void invitation.accept(); } },
    });
    await agent.start();
    const registerer = new Registerer(agent);
    await new Promise((resolve, reject) => registerer.register({ requestDelegate: { onAccept: resolve, onReject: reject } }));
  },
  async call(number) {
    follow(new Inviter(agent, uri(number), { earlyMedia: true }));
    await session.invite();
  },
  hold: (isHeld) => hold(session, isHeld),
  press: (key) => session.sessionDescriptionHandler.sendDtmf(key),
  async transfer(number) { await session.refer(uri(number)); },
  async consult(number) {
    first = session;
    follow(new Inviter(agent, uri(number), { earlyMedia: true }));
    await session.invite();
  },
  async join() { await first.refer(session); },
  state: () => session?.state,
  hangUp: () => session.bye(),
};`;

export const JSSIP = `
import JsSIP from 'jssip';
// How often it has refreshed a session (RFC 4028): it tells nobody.
globalThis.updates = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (String(data).startsWith('UPDATE ')) globalThis.updates += 1;
  return send.call(this, data);
};
let agent, session, first;
const follow = (now) => {
  session = now;
  const hear = (connection) => connection.addEventListener('track', ({ track }) => {
    const audio = new Audio();
    audio.srcObject = new MediaStream([track]);
    void audio.play();
  });
  if (session.connection) hear(session.connection);
  else session.on('peerconnection', ({ peerconnection }) => hear(peerconnection));
};
const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
const hold = (held, isHeld) => new Promise((resolve, reject) => {
  const done = isHeld ? held.hold({}, resolve) : held.unhold({}, resolve);
  if (!done) reject(new Error('it cannot be held now'));
});
globalThis.telephone = {
  async register({ server, account, password }) {
    agent = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(server)], uri: 'sip:' + account + '@tocsin', password });
    agent.on('newRTCSession', ({ originator, session }) => {
      follow(session);
      if (originator === 'remote') session.answer(media);
    });
    await new Promise((resolve, reject) => {
      agent.on('registered', resolve);
      agent.on('registrationFailed', ({ cause }) => reject(new Error(cause)));
      agent.start();
    });
  },
  async call(number) { agent.call('sip:' + number + '@tocsin', media); },
  hold: (isHeld) => hold(session, isHeld),
  async press(key) { session.sendDTMF(key, { transportType: 'RFC2833' }); },
  async transfer(number) { session.refer('sip:' + number + '@tocsin'); },
  async consult(number) {
    first = session;
    agent.call('sip:' + number + '@tocsin', media);
  },
  async join() { first.refer(session.remote_identity.uri, { replaces: session }); },
  state: () => session?.isEnded() ? 'Terminated' : session?.isEstablished() ? 'Established' : 'Establishing',
  hangUp: () => session.terminate(),
};`;
