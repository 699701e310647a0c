import type { RoutingStage } from '../routing.ts';

/** Dialling it, one hears oneself: the installer's first test of a phone. */
export const ECHO_NUMBER = '9196';

export const echoTest: RoutingStage = {
  id: 'echo-test',
  name: { zh: '回声测试', en: 'Echo test' },
  look: ({ called }) =>
    called === ECHO_NUMBER
      ? {
          kind: 'leads',
          to: { kind: 'echo' },
          said: { zh: `${ECHO_NUMBER} 是回声测试`, en: `${ECHO_NUMBER} is the echo test` },
        }
      : undefined,
};
