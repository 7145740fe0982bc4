/**
 * What a replica answers from memory (its committed layer, the node's cache) against the rows that
 * the entries make: memory may be silent about a row, or say the same. A row that outlived a
 * snapshot install, or a fetch that an install overtook, is seen here although nobody reads it.
 */
import type { Group } from '../../host/group.ts';
import type { Tree } from '../../storage/ordered-tree.ts';
import { rowHash, rowsOf } from './row-model.ts';
import type { RowModel } from './row-model.ts';

/** The hash of the row of that name; undefined: it is absent. */
type Expected = (name: string) => number | undefined;

/** The first row that memory has wrong, as a sentence. */
export function memoryProblem(group: Group, model: RowModel, tree: Tree): string | undefined {
  const { replica } = group;
  const expected = expectation(group, model, tree);
  for (const name of expected === undefined ? [] : model.names()) {
    const value = replica.read(name);
    const key = Buffer.from(name, 'latin1');
    const hash = value === undefined || value === null ? undefined : rowHash(key, value);
    if (value !== undefined && hash !== expected?.(name)) {
      const text = value === null ? 'absent' : `"${value.toString('latin1', 0, 80)}"`;
      return `memory says that row ${key.toString('hex')} is ${text}; the entries make another`;
    }
  }
  return undefined;
}

/** From the model where the replica is as far, else from its engine once that has all. */
function expectation(group: Group, model: RowModel, tree: Tree): Expected | undefined {
  const { replica } = group;
  if (model.newest === replica.applied.index) {
    return (name) => model.hashOfRow(name);
  }
  if (!replica.drained) {
    return undefined;
  }
  const hashes = new Map<string, number>();
  for (const [key, value] of rowsOf(tree, replica.generation)) {
    hashes.set(key.toString('latin1'), rowHash(key, value));
  }
  return (name) => hashes.get(name);
}
