import type { Person } from '@tocsin/protocol/directory.ts';
import type { ParticipantView } from '@tocsin/protocol/views.ts';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Directory } from '#directory/directory.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Dialler } from './dialler.ts';
import type { Leg } from './leg.ts';
import type { AddRequest, Participant } from './participant.ts';
import { reach, type Reached } from './reach.ts';

/** How long someone who has answered may take to press the key. */
const CONFIRM_FOR_MS = 30_000;

/** What calling people in needs of the conference they are called into. */
export interface Reaching {
  /** Whose number they see. */
  readonly from: { number: string; name: string };
  readonly parts: { dialler: Dialler; engine: MediaEngine; directory: Directory; clock: Clock; log: Log };
  hasEnded(): boolean;
  add(request: AddRequest): Participant;
  /** Something about a participant is to be shown. */
  changed(): void;
  /** A participant's state has changed; settled when nothing more will be tried by itself. */
  tell(participant: Participant, isSettled: boolean): void;
  putThrough(participant: Participant, leg: Leg): Promise<void>;
  /** Resolves when a participant is in (true) or will not come (false). */
  settled(participant: Participant): Promise<boolean>;
}

/**
 * Brings one participant in: all his numbers, then his deputies, and after a while all over again. The deputies come
 * before the next round, as nobody can wait for a phone that is busy.
 */
export async function bringIn(
  participant: Participant,
  request: AddRequest,
  person: Person | undefined,
  reaching: Reaching,
): Promise<void> {
  const { clock } = reaching.parts;
  const { signal } = participant.stop;
  const isAbsent = person?.absence !== undefined && request.withDeputies;
  if (isAbsent) participant.moveTo('unreachable', clock.now(), `absent: ${person.absence!.reason}`);
  for (let round = 0; round <= request.retries; round += 1) {
    if (round > 0) {
      reaching.tell(participant, false);
      await sleep(clock, request.retryAfterMs, signal).catch(() => {});
      if (signal.aborted || reaching.hasEnded()) return;
    }
    if (!isAbsent) {
      const result = await callOnce(participant, request, person, reaching);
      if (result.kind === 'stopped' || signal.aborted) return;
      if (result.kind === 'reached') {
        if (reaching.hasEnded()) return await result.leg.hangUp('conference-ended');
        return await reaching.putThrough(participant, result.leg);
      }
      participant.moveTo(result.state, clock.now(), result.because);
    }
    if (person && request.withDeputies && (await standIn(participant, request, person, reaching))) return;
    // A clear no is an answer: he is not pestered again.
    if (participant.view.state === 'refused') break;
  }
  if (!signal.aborted) reaching.tell(participant, true);
}

/** The deputies, in order: the first who comes in stands in, and reports under his own name. True when one did. */
export async function standIn(
  participant: Participant,
  request: AddRequest,
  person: Person,
  reaching: Reaching,
): Promise<boolean> {
  const { directory, clock } = reaching.parts;
  const deputies = directory.deputiesOf(person.id).filter((deputy) => !deputy.absence);
  reaching.tell(participant, false);
  for (const deputy of deputies) {
    if (participant.stop.signal.aborted || reaching.hasEnded()) return false;
    const standsIn = reaching.add({
      ...request,
      person: deputy.id,
      number: undefined,
      withDeputies: false,
      retries: 0,
      isChair: false,
      answersItself: false,
      standsInFor: person.id,
    });
    participant.view.replacedBy = deputy.id;
    reaching.changed();
    if (await reaching.settled(standsIn)) {
      participant.moveTo('replaced', clock.now(), `deputy: ${deputy.id}`);
      reaching.tell(participant, true);
      return true;
    }
    delete participant.view.replacedBy;
  }
  return false;
}

/** By what kind of phone somebody is reached on this number. */
export function bearerOf(person: Person | undefined, number: string, isSeat: boolean): ParticipantView['bearer'] {
  if (isSeat) return 'browser';
  return person?.numbers.find((each) => each.dial === number)?.kind ?? 'desk';
}

async function callOnce(
  participant: Participant,
  request: AddRequest,
  person: Person | undefined,
  reaching: Reaching,
): Promise<Reached> {
  const { view } = participant;
  return await reach(
    { ...(person ? { person } : {}), numbers: person ? person.numbers.map((each) => each.dial) : [request.number!] },
    {
      confirm: request.confirm,
      purpose: 'join',
      ...(request.announcement ? { message: request.announcement } : {}),
      ringForMs: request.ringForMs,
      confirmForMs: CONFIRM_FOR_MS,
      attemptsBefore: view.attempts,
      from: reaching.from,
      ...(request.answersItself ? { answersItself: true } : {}),
      signal: participant.stop.signal,
      onState: ({ state, number, attempts, because }) => {
        view.number = number;
        view.attempts = attempts;
        view.bearer = bearerOf(person, number, view.isChair);
        participant.moveTo(state, reaching.parts.clock.now(), because);
        reaching.tell(participant, false);
      },
    },
    reaching.parts,
  );
}
