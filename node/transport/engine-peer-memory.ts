/** What this node saw of its peers (P12), kept in the engine's bookkeeping column. */
import { DynakvError } from '../lib/errors.ts';
import type { Engine } from '../sys/engine.ts';
import type { NodeId } from '../sys/network.ts';
import type { PeerMemory, PeerRecord } from './hello.ts';

/** First byte of the keys; `storage/generation-rows.ts` has 1 to 4, `staging-rows.ts` 5. */
const keyTag = 0x10;

function keyOf(nodeId: NodeId): Buffer {
  const key = Buffer.alloc(5);
  key[0] = keyTag;
  key.writeUInt32BE(nodeId, 1);
  return key;
}

export class EnginePeerMemory implements PeerMemory {
  #engine: Engine | undefined;

  /** Before the stores are open nothing is remembered, and no hello is accepted either. */
  attach(engine: Engine): void {
    this.#engine = engine;
  }

  /** Before the engine closes: a hello that is still being judged is refused. */
  detach(): void {
    this.#engine = undefined;
  }

  get(nodeId: NodeId): PeerRecord | undefined {
    const value = this.#engine?.get('default', keyOf(nodeId));
    return value === undefined ? undefined : (JSON.parse(value.toString('utf8')) as PeerRecord);
  }

  async put(nodeId: NodeId, record: PeerRecord): Promise<void> {
    if (this.#engine === undefined) {
      throw new DynakvError('Unavailable', 'Cannot remember a peer: the store is not open');
    }
    const value = Buffer.from(JSON.stringify(record), 'utf8');
    this.#engine.write([{ column: 'default', key: keyOf(nodeId), value }]);
    await this.#engine.syncWal();
  }
}
