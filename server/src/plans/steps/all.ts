import type { Step } from '../step.ts';
import { announce } from './announce.ts';
import { askDispatcher } from './ask-dispatcher.ts';
import { askVideo } from './ask-video.ts';
import { callOneOf } from './call-one-of.ts';
import { conference } from './conference.ts';
import { openIncident } from './open-incident.ts';
import { patchRadio } from './patch-radio.ts';
import { sendText } from './send-text.ts';
import { wait } from './wait.ts';

/** Every kind of step, in the order in which the documentation lists them. */
export const STEP_KINDS: readonly Step[] = [
  openIncident,
  conference,
  announce,
  sendText,
  patchRadio,
  askVideo,
  callOneOf,
  wait,
  askDispatcher,
];
