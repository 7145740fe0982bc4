/**
 * How a node divides the memory of its container (O24). What it may use at most of all together
 * stays below 80 %: the rest is code, stacks, sockets, and what RocksDB holds for the moment.
 *
 *   50 %  V8's heap: item cache and committed rows are in it
 *   12 %  block cache of the row engine
 *    6 %  write buffers of the row engine, two of 3 %
 *
 * At 1 GiB: 512 MiB of heap, 122 MiB of blocks, 2 × 30 MiB of write buffers: 716 MiB, 70 %.
 */
import { gibibyte, mebibyte } from '../../node/lib/units.ts';

/** Options of the node, and the heap's bound in MiB. */
export interface NodeMemory {
  readonly heapMebibytes: number;
  readonly options: Readonly<Record<string, string>>;
}

/** The engine's binding takes 32-bit sizes. */
const engineCacheBytesMax = 4 * gibibyte - 1;
const engineWriteBufferBytesMax = 256 * mebibyte;
/** Larger caches make the collector's pauses longer than they save reads. */
const itemCacheBytesMax = gibibyte;
const committedLayerBytesMax = 256 * mebibyte;

export function divideMemory(memoryBytes: number): NodeMemory {
  const part = (share: number, bytesMax: number): string => {
    const bytes = Math.min(Math.floor(memoryBytes * share), bytesMax);
    return String(Math.max(mebibyte, bytes));
  };
  return {
    heapMebibytes: Math.floor((memoryBytes * 0.5) / mebibyte),
    options: {
      'item-cache-bytes': part(0.12, itemCacheBytesMax),
      'committed-layer-bytes': part(0.06, committedLayerBytesMax),
      'engine-cache-bytes': part(0.12, engineCacheBytesMax),
      'engine-write-buffer-bytes': part(0.03, engineWriteBufferBytesMax),
    },
  };
}
