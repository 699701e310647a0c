interface Imports {
  source: string;
  dependencies: { resolved: string }[];
}

/** A picture of folders, not files, so that it changes only when the architecture does. Arrows go from who imports. */
export function draw(modules: Imports[], layers: readonly (readonly string[])[]): string {
  const arrows = new Set<string>();
  for (const { source, dependencies } of modules) {
    const from = folderOf(source);
    for (const { resolved } of dependencies) {
      const to = folderOf(resolved);
      if (from && to && from !== to && to !== 'kernel') arrows.add(`${from} --> ${to}`);
    }
  }
  const boxes = layers.map((layer, depth) => `  subgraph layer${depth} [" "]\n    ${layer.join('\n    ')}\n  end`);
  const lines = [...arrows].sort().map((arrow) => `  ${arrow}`);
  return ['%% Written by `npm run graph` from the real imports. Everything may use kernel; those arrows are left out.']
    .concat('flowchart TB', boxes, lines, '')
    .join('\n');
}

/** A folder of the server, or one of the other workspaces; tests, tools and libraries are not in the picture. */
function folderOf(path: string): string | undefined {
  if (/[.]test[.]ts$/.test(path)) return undefined;
  const server = /^server\/src\/([^/]+?)(?:\/|[.]ts$)/.exec(path)?.[1];
  return server ?? /^(?:gateways|protocol|console)(?=\/)/.exec(path)?.[0];
}
