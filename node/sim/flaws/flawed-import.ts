/**
 * Loads a module so that files below it have a flaw. Every flaw gets its own instance of all
 * modules of the product and the simulator: their addresses carry its name as a query, which
 * imports hand on. So one process may try many flaws, one after the other, and none leaks into
 * another, or into what is loaded without a query.
 *
 * Not for product code: nothing but `trial.ts` and tests import it.
 */
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { changesOf, mutate } from './flaw.ts';
import type { Flaw, SourceChange } from './flaw.ts';

const root = new URL('../../../', import.meta.url);
const sources = new URL('node/', root).href;
const query = 'flaw';

interface Known {
  readonly flaw: Flaw;
  /** By address of the file; what was made is taken out. */
  readonly changes: Map<string, SourceChange>;
}

/** Flaws being looked at, by name. */
const known = new Map<string, Known>();

function nameIn(url: string | undefined): string | null {
  return url?.startsWith(sources) === true ? new URL(url).searchParams.get(query) : null;
}

function withName(url: string, name: string): string {
  const named = new URL(url);
  named.searchParams.set(query, name);
  return named.href;
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const name = nameIn(context.parentURL);
    if (name === null || !resolved.url.startsWith(sources)) {
      return resolved;
    }
    return { ...resolved, url: withName(resolved.url, name) };
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const name = nameIn(url);
    const entry = name === null ? undefined : known.get(name);
    const change = entry?.changes.get(url);
    if (entry === undefined || change === undefined) {
      return loaded;
    }
    const { source } = loaded;
    const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString();
    entry.changes.delete(url);
    return { ...loaded, source: mutate(text, entry.flaw, change) };
  },
});

/**
 * The module at `url`, with the flaw in it or in what it imports. Throws if the flaw's place is
 * not as described, or if the module does not reach a flawed file.
 */
export async function importFlawed(url: URL, flaw: Flaw): Promise<unknown> {
  const changes = changesOf(flaw).map((change) => {
    return [withName(new URL(change.file, root).href, flaw.name), change] as const;
  });
  const entry: Known = { flaw, changes: new Map(changes) };
  known.set(flaw.name, entry);
  const loaded: unknown = await import(withName(url.href, flaw.name));
  for (const { file } of entry.changes.values()) {
    const where = fileURLToPath(url);
    throw new Error(`Cannot try flaw "${flaw.name}": ${where} does not load "${file}"`);
  }
  return loaded;
}
