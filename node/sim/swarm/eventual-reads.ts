/**
 * What eventually consistent reads may return: any value that was ever written to the key, under
 * the version that its writer was told, as old as it likes; never one that was refused.
 */
import type { NodeId } from '../../sys/network.ts';
import type { Operation } from '../history.ts';

/** Reads kept for the check at the end; a seed makes fewer. */
const readsMax = 10_000;

interface EventualRead {
  readonly nodeId: NodeId;
  readonly key: string;
  readonly value: string;
  readonly version: string;
}

export class EventualReads {
  readonly #reads: EventualRead[] = [];

  add(nodeId: NodeId, key: string, value: string, version: string): void {
    if (this.#reads.length < readsMax) {
      this.#reads.push({ nodeId, key, value, version });
    }
  }

  /** The first read that nothing explains, as a sentence. */
  problem(operations: readonly Operation[]): string | undefined {
    const writes = new Map<string, Operation>();
    for (const operation of operations) {
      if (operation.input.kind === 'put') {
        writes.set(`${operation.key} ${operation.input.value}`, operation);
      }
    }
    for (const { nodeId, key, value, version } of this.#reads) {
      const outcome = writes.get(`${key} ${value}`)?.outcome;
      const told = outcome?.kind === 'done' ? outcome.version : undefined;
      const isOther = told !== undefined && told !== version;
      if (outcome === undefined || outcome.kind === 'refused' || isOther) {
        return (
          `Node ${nodeId} read "${value}" version ${version} of "${key}": its write ended as ` +
          `${outcome === undefined ? 'surely not done' : outcome.kind} ${told ?? ''}`
        );
      }
    }
    return undefined;
  }
}
