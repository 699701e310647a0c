import type { Routing, RoutingBook, RoutingFacts, RoutingQuestion, RoutingStage, RoutingStep } from './routing.ts';
import { accounts } from './stages/accounts.ts';
import { barring } from './stages/barring.ts';
import { blacklist } from './stages/blacklist.ts';
import { features } from './stages/features.ts';
import { channels } from './stages/channels.ts';
import { echoTest } from './stages/echo-test.ts';
import { emergency } from './stages/emergency.ts';
import { readNumbers } from './stages/read-numbers.ts';
import { recogniseCaller } from './stages/recognise-caller.ts';
import { huntGroups } from './stages/hunt-groups.ts';
import { rooms } from './stages/rooms.ts';
import { siteRoutes } from './stages/site-routes.ts';
import { speedDial } from './stages/speed-dial.ts';
import { trunks } from './stages/trunks.ts';

/** The way of every call, in this order. The first stage that finds a destination decides. */
const ROUTING_STAGES: readonly RoutingStage[] = [
  readNumbers,
  recogniseCaller,
  blacklist,
  siteRoutes,
  speedDial,
  features,
  echoTest,
  huntGroups,
  rooms,
  channels,
  accounts,
  emergency,
  barring,
  trunks,
];

const NOWHERE = {
  stage: 'nowhere',
  name: { zh: '无此号码', en: 'No such number' },
  said: { zh: '没有任何规则认识这个号码', en: 'No rule knows this number' },
  decides: true,
};

/** Finds what a dialled number means for this caller at this time, and says how it was found. Pure. */
export function route(question: RoutingQuestion, book: RoutingBook): Routing {
  let facts: RoutingFacts = { ...question, called: question.dialled };
  const steps: RoutingStep[] = [];
  for (const { id, name, look } of ROUTING_STAGES) {
    const verdict = look(facts, book);
    if (!verdict) continue;
    const decides = verdict.kind === 'leads';
    steps.push({ stage: id, name, said: verdict.said, decides });
    if (decides) return { destination: verdict.to, facts, steps };
    facts = { ...facts, ...verdict.change };
  }
  return { destination: { kind: 'unknown' }, facts, steps: [...steps, NOWHERE] };
}
