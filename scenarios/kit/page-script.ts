import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const CONSOLE = new URL('../../console/', import.meta.url);

/** Bundles a module for a page, as the console's own build would: one script, nothing to fetch. */
export async function pageScript(source: string): Promise<string> {
  const fromConsole = createRequire(new URL('package.json', CONSOLE));
  const vitePath = join(fromConsole.resolve('vite/package.json'), '../dist/node/index.js');
  const vite = (await import(pathToFileURL(vitePath).href)) as typeof import('vite');
  const entry = 'virtual:entry';
  const built = await vite.build({
    configFile: false,
    logLevel: 'silent',
    root: CONSOLE.pathname,
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: [
      {
        name: 'entry',
        resolveId: (id: string) => (id === entry ? `\0${entry}` : undefined),
        load: (id: string) => (id === `\0${entry}` ? source : undefined),
      },
    ],
    build: { write: false, minify: false, rollupOptions: { input: entry, output: { format: 'iife' } } },
  });
  const output = (Array.isArray(built) ? built[0] : built) as { output: { code?: string }[] };
  const code = output.output[0]?.code;
  if (!code) throw new Error('the bundle is empty');
  return code;
}
