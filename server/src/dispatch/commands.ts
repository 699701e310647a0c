import type { Command, CommandName, CommandOf } from '@tocsin/protocol/console.ts';
import type { Right } from '@tocsin/protocol/directory.ts';
import { may } from '#directory/rights.ts';
import type { Session } from '#directory/rights.ts';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Actor, Desk } from './desk.ts';
import { takeWaitingAtDesk } from './call-waiting.ts';
import { addToCall } from './add-to-call.ts';
import { drainTrunk, restoreTrunk } from './drain-trunk.ts';
import { bookCall, cancelBooking } from './book-call.ts';
import { campOn, cancelCampOn } from './camp-on.ts';
import { answerRun, callDeputy, confirmPerson, redialPerson, skipStep, startPlan, stopRun } from './start-plan.ts';
import { closeThread, replyToThread, takeThread } from './answer-text.ts';
import { replayFlood, stopFloodReplay } from './replay-flood.ts';
import { shelveAlarm, unshelveAlarm } from './shelve-alarm.ts';
import { acknowledgeAlarm, alarmToIncident, clearAlarm, silenceBell } from './take-alarm.ts';
import {
  addToConference,
  endCall,
  endConference,
  joinConference,
  joinWith,
  keepCalling,
  letSpeak,
  lockConference,
  lowerHand,
  muteAll,
  muteParticipant,
  openConference,
  patchChannel,
  redial,
  removeFromConference,
  separate,
  unpatchChannel,
} from './hold-conference.ts';
import { closeIncident, markIncident, openIncident } from './keep-incident.ts';
import { limitFromDesk } from './limit-call.ts';
import { playIntoCall, rightToPlay, stopPlayingIntoCall } from './play-into-call.ts';
import { openPatch, selectTalkgroup, setAutomaticLevel, setVolume, soundAlertTone } from './patch-resources.ts';
import { pressDevice, radioSpeaks } from './play-demo.ts';
import { moveCamera, sendToPreset } from './move-camera.ts';
import { openCamera } from './open-camera.ts';
import { parkFromDesk, retrieveAtDesk } from './park-call.ts';
import { pickUpAtDesk } from './pick-up-call.ts';
import { playOnZones, sayOnZones, speakOnZones, stopZones } from './page-zones.ts';
import { injectFault } from './inject-fault.ts';
import { startCheck } from './morning-check.ts';
import { pauseRecording, resumeRecording, startRecording, stopRecording } from './record-talk.ts';
import { sendOrder } from './send-order.ts';
import { cancelWarning, publishWarning } from './publish-warning.ts';
import { beginSupervision, changeSupervision, endSupervision, preEmptCall } from './supervise.ts';
import { sendText } from './send-text.ts';
import { changeCallSettings } from './set-call-settings.ts';
import { setMode } from './set-mode.ts';
import { leaveChannel, listenToChannel, releaseFloor, requestFloor } from './talk-on-channel.ts';
import { transferCall } from './transfer-call.ts';
import { viewCareFile } from './view-care-file.ts';
import { askForVideo, endFeed, keepSnapshot, recordFeed } from './watch-feed.ts';

interface CommandDoor<Name extends CommandName> {
  /** The right that a user needs, over the organisation that the command concerns or his own. */
  right: Right | ((command: CommandOf<Name>) => Right);
  run(command: CommandOf<Name>, actor: Actor, desk: Desk): Promise<unknown>;
}

/** Everything that a desk can ask for: the right it takes, and who does it. */
export const COMMANDS: { [Name in CommandName]: CommandDoor<Name> } = {
  'alarm.acknowledge': { right: 'alarm', run: acknowledgeAlarm },
  'alarm.clear': { right: 'alarm', run: clearAlarm },
  'alarm.to-incident': { right: 'alarm', run: alarmToIncident },
  'alarm.shelve': { right: 'alarm', run: shelveAlarm },
  'alarm.unshelve': { right: 'alarm', run: unshelveAlarm },
  'bell.silence': { right: 'alarm', run: silenceBell },
  'trunk.drain': { right: 'administer', run: drainTrunk },
  'trunk.restore': { right: 'administer', run: restoreTrunk },
  'gauges.replay': { right: 'drill', run: replayFlood },
  'gauges.stop-replay': { right: 'drill', run: stopFloodReplay },
  'incident.open': { right: 'alarm', run: openIncident },
  'incident.close': { right: 'alarm', run: closeIncident },
  'incident.publish-warning': { right: 'run-plan', run: publishWarning },
  'incident.cancel-warning': { right: 'run-plan', run: cancelWarning },
  'incident.mark': { right: 'view', run: markIncident },
  'plan.start': { right: ({ drill }) => (drill ? 'drill' : 'run-plan'), run: startPlan },
  'run.stop': { right: 'run-plan', run: stopRun },
  'run.skip-step': { right: 'run-plan', run: skipStep },
  'run.answer': { right: 'run-plan', run: answerRun },
  'run.redial': { right: 'run-plan', run: redialPerson },
  'run.call-deputy': { right: 'run-plan', run: callDeputy },
  'run.confirm': { right: 'run-plan', run: confirmPerson },
  'conference.open': { right: 'call', run: openConference },
  'conference.join': { right: 'call', run: joinConference },
  'conference.add': { right: 'call', run: addToConference },
  'conference.remove': { right: 'call', run: removeFromConference },
  'conference.mute': { right: 'call', run: muteParticipant },
  'conference.mute-all': { right: 'call', run: muteAll },
  'conference.let-speak': { right: 'call', run: letSpeak },
  'conference.lower-hand': { right: 'call', run: lowerHand },
  'conference.keep-calling': { right: 'call', run: keepCalling },
  'conference.redial': { right: 'call', run: redial },
  'conference.lock': { right: 'call', run: lockConference },
  'conference.end': { right: 'call', run: endConference },
  'conference.patch': { right: 'talk', run: patchChannel },
  'conference.join-with': { right: 'call', run: joinWith },
  'conference.separate': { right: 'call', run: separate },
  'conference.unpatch': { right: 'talk', run: unpatchChannel },
  'patch.open': { right: 'talk', run: openPatch },
  'conference.volume': { right: 'call', run: setVolume },
  'conference.level': { right: 'call', run: setAutomaticLevel },
  'channel.alert-tone': { right: 'talk', run: soundAlertTone },
  'channel.select-talkgroup': { right: 'talk', run: selectTalkgroup },
  'call.end': { right: 'call', run: endCall },
  'call.transfer': { right: 'call', run: transferCall },
  'call.park': { right: 'call', run: parkFromDesk },
  'call.add': { right: 'call', run: addToCall },
  'call.play': { right: rightToPlay, run: playIntoCall },
  'call.stop-playing': { right: 'call', run: stopPlayingIntoCall },
  'recording.start': { right: 'record', run: startRecording },
  'recording.stop': { right: 'record', run: stopRecording },
  'recording.pause': { right: 'record', run: pauseRecording },
  'recording.resume': { right: 'record', run: resumeRecording },
  'call.limit': { right: 'call', run: limitFromDesk },
  'call.camp-on': { right: 'call', run: campOn },
  'call.cancel-camp-on': { right: 'call', run: cancelCampOn },
  'call.book': { right: 'call', run: bookCall },
  'call.cancel-booking': { right: 'call', run: cancelBooking },
  'call.retrieve': { right: 'call', run: retrieveAtDesk },
  'call.pick-up': { right: 'call', run: pickUpAtDesk },
  'call.take-waiting': { right: 'call', run: takeWaitingAtDesk },
  'supervision.begin': { right: 'supervise', run: beginSupervision },
  'supervision.change': { right: 'supervise', run: changeSupervision },
  'supervision.end': { right: 'supervise', run: endSupervision },
  'call.pre-empt': { right: 'supervise', run: preEmptCall },
  'call-settings.change': { right: 'call', run: changeCallSettings },
  'channel.listen': { right: 'talk', run: listenToChannel },
  'channel.leave': { right: 'talk', run: leaveChannel },
  'floor.request': { right: 'talk', run: requestFloor },
  'floor.release': { right: 'talk', run: releaseFloor },
  'page.say': { right: 'page', run: sayOnZones },
  'page.play': { right: 'page', run: playOnZones },
  'page.speak': { right: 'page', run: speakOnZones },
  'page.stop': { right: 'page', run: stopZones },
  'fault.inject': { right: 'drill', run: injectFault },
  'check.start': { right: 'alarm', run: startCheck },
  'order.send': { right: 'text', run: sendOrder },
  'text.send': { right: 'text', run: sendText },
  'thread.reply': { right: 'text', run: replyToThread },
  'thread.take': { right: 'text', run: takeThread },
  'thread.close': { right: 'text', run: closeThread },
  'video.ask': { right: 'watch', run: askForVideo },
  'video.end': { right: 'watch', run: endFeed },
  'video.snapshot': { right: 'watch', run: keepSnapshot },
  'video.record': { right: 'watch', run: recordFeed },
  'camera.open': { right: 'watch', run: openCamera },
  'camera.move': { right: 'steer', run: moveCamera },
  'camera.preset': { right: 'steer', run: sendToPreset },
  'care.view': { right: 'view-care', run: viewCareFile },
  'mode.set': { right: 'run-plan', run: setMode },
  'demo.press-device': { right: 'view', run: pressDevice },
  'demo.radio-speaks': { right: 'view', run: radioSpeaks },
};

/** Runs one command for a session, if it has the right; the denial is on the timeline. */
export async function runCommand(command: Command, session: Session, desk: Desk): Promise<unknown> {
  const door = COMMANDS[command.do] as CommandDoor<CommandName>;
  const right = typeof door.right === 'function' ? door.right(command as never) : door.right;
  if (!may(session, right)) {
    await noteSoon(
      {
        kind: 'command.denied',
        actor: session.user.id,
        data: { command: command.do, right },
      },
      desk,
    );
    throw new DispatchError('RIGHT_MISSING', right);
  }
  return await door.run(command as never, actorOf(session), desk);
}

/** The user behind a session, as dispatch knows him. */
export function actorOf({ user }: Session): Actor {
  return { user: user.id, name: user.name.zh, ...(user.account ? { account: user.account } : {}) };
}
