/**
 * Two and three nodes of the real transport on loopback: connecting, frames in both lanes, what a
 * crash and a restart look like, refusals, snapshots. Goal: the port's promises over real gRPC.
 */
import { afterEach, describe, expect, test } from '@jest/globals';

import { DynakvError } from '../lib/errors.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import { FrameKind, snapshotChunkBytesMax, type NodeId, type PeerAddress } from '../sys/network.ts';
import type { PeerRecord } from './hello.ts';
import { eventually, TestMemory, TestNode, type TestNodeOptions } from './test-node.ts';

const opened: TestNode[] = [];

async function open(options: TestNodeOptions): Promise<TestNode> {
  const node = await TestNode.open(options);
  opened.push(node);
  return node;
}

async function openPair(): Promise<[TestNode, TestNode]> {
  const one = await open({ nodeId: 1 });
  const two = await open({ nodeId: 2 });
  one.meet(two);
  two.meet(one);
  await eventually(() => isUp(one, 2) && isUp(two, 1));
  return [one, two];
}

function isUp(node: TestNode, peerId: NodeId): boolean {
  return node.network.states().some((state) => state.nodeId === peerId && state.up);
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (node) => await node.close()));
});

describe('GrpcNetwork connections', () => {
  test('come up on both sides with the boot id, and carry frames in order', async () => {
    const [one, two] = await openPair();
    expect(one.events).toEqual([{ kind: 'up', nodeId: 2, bootId: 'boot-2' }]);
    expect(two.events).toEqual([{ kind: 'up', nodeId: 1, bootId: 'boot-1' }]);
    for (let i = 0; i < 1000; i++) {
      expect(one.network.send(2, 'bulk', FrameKind.raft, Buffer.from(`${i}`))).toBe(true);
    }
    one.network.flush();
    await eventually(() => two.frames.length === 1000);
    expect(two.frames.map(({ payload }) => Number(payload.toString()))).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    expect(two.frames[0]).toMatchObject({ from: 1, kind: FrameKind.raft });
  });

  test('send() copies, and refuses an unknown peer, one that is down, and a full queue', async () => {
    const one = await open({ nodeId: 1, queueBytesMax: 100 * kibibyte });
    const two = await open({ nodeId: 2 });
    one.meet(two);
    expect(one.network.send(3, 'bulk', FrameKind.raft, Buffer.from('x'))).toBe(false);
    expect(one.network.send(2, 'bulk', FrameKind.raft, Buffer.from('x'))).toBe(false);
    two.meet(one);
    await eventually(() => isUp(one, 2));
    const payload = Buffer.alloc(60 * kibibyte, 'a');
    expect(one.network.send(2, 'bulk', FrameKind.request, payload)).toBe(true);
    payload.fill('b');
    expect(one.network.send(2, 'bulk', FrameKind.request, payload)).toBe(false);
    expect(one.network.send(2, 'urgent', FrameKind.liveness, Buffer.from('hi'))).toBe(true);
    expect(one.network.queuedBytes(2)).toBeGreaterThan(60 * kibibyte);
    one.network.flush();
    expect(one.network.queuedBytes(2)).toBe(0);
    await eventually(() => two.frames.length === 2);
    expect(two.frames[0]?.payload.toString()).toBe('hi');
    expect(two.frames[1]?.payload.equals(Buffer.alloc(60 * kibibyte, 'a'))).toBe(true);
  });

  test('an urgent frame overtakes a large bulk frame that is under way', async () => {
    const [one, two] = await openPair();
    const large = Buffer.alloc(20 * mebibyte, 'x');
    expect(one.network.send(2, 'bulk', FrameKind.raft, large)).toBe(true);
    one.network.flush();
    expect(one.network.queuedBytes(2)).toBeGreaterThan(0);
    one.network.send(2, 'urgent', FrameKind.liveness, Buffer.from('beat'));
    one.network.flush();
    await eventually(() => two.frames.length === 2);
    expect(two.frames.map(({ kind }) => kind)).toEqual([FrameKind.liveness, FrameKind.raft]);
    expect(two.frames[1]?.payload.equals(large)).toBe(true);
  });

  test('a peer that ends is down, then refused; its next life comes up with its boot id', async () => {
    const [one, two] = await openPair();
    const port = two.server.port;
    await two.close();
    await eventually(() => one.events.length === 3);
    expect(one.events.slice(1)).toEqual([
      { kind: 'down', nodeId: 2, refused: false },
      { kind: 'down', nodeId: 2, refused: true },
    ]);
    const again = await open({ nodeId: 2, bootNonces: ['boot-2', 'boot-2b'], port });
    again.meet(one);
    await eventually(() => isUp(one, 2));
    expect(one.events.at(-1)).toEqual({ kind: 'up', nodeId: 2, bootId: 'boot-2b' });
    one.network.send(2, 'bulk', FrameKind.raft, Buffer.from('hello again'));
    one.network.flush();
    await eventually(() => again.frames.length === 1);
  });

  test('a peer that nobody runs is reported as refused, once', async () => {
    const gone = await open({ nodeId: 9 });
    const address = gone.address;
    await gone.close();
    const one = await open({ nodeId: 1 });
    one.meet({ nodeId: 2, address });
    await eventually(() => one.events.length > 0);
    await eventually(() => one.network.states()[0]?.failure?.includes('ECONNREFUSED') === true);
    expect(one.events).toEqual([{ kind: 'down', nodeId: 2, refused: true }]);
  });

  test('a newer life replaces an older one whose connection still hangs', async () => {
    const [one, older] = await openPair();
    const newer = await open({ nodeId: 2, bootNonces: ['boot-2', 'boot-2b'] });
    newer.meet(one);
    one.meet(newer);
    await eventually(() => one.network.states()[0]?.bootId === 'boot-2b');
    await eventually(() => !isUp(older, 1));
    // The older life is refused from now on: its history lacks the boot that was seen.
    await eventually(() => older.network.states()[0]?.failure?.includes('BootUnknown') === true);
  });

  test('removing a peer drops the connection', async () => {
    const [one, two] = await openPair();
    one.network.setPeers([]);
    expect(one.events.at(-1)).toEqual({ kind: 'down', nodeId: 2, refused: false });
    expect(one.network.send(2, 'bulk', FrameKind.raft, Buffer.from('x'))).toBe(false);
    await eventually(() => !isUp(two, 1));
    await eventually(() => two.network.states()[0]?.failure?.includes('UnknownNode') === true);
  });

  test('a stranger of the same cluster that calls is told of, and not let in', async () => {
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2 });
    const alien = await open({ nodeId: 3, clusterId: 'other' });
    const strangers: PeerAddress[] = [];
    one.network.onStranger((stranger) => strangers.push(stranger));
    alien.meet(one);
    await eventually(() => alien.network.states()[0]?.failure?.includes('WrongCluster') === true);
    two.meet(one);
    await eventually(() => strangers.length > 0);
    expect(strangers[0]).toMatchObject({ nodeId: 2, storeId: 'store-2' });
    expect(strangers.some(({ nodeId }) => nodeId === 3)).toBe(false);
    expect(isUp(two, 1)).toBe(false);
    one.network.setPeers([], new Set([2]));
    await eventually(() => two.network.states()[0]?.failure?.includes('Removed') === true);
    const before = strangers.length;
    two.network.setPeers([]);
    two.meet(one);
    await eventually(() => two.network.states()[0]?.failure?.includes('Removed') === true);
    expect(strangers).toHaveLength(before);
  });

  test('only the store that the catalog names speaks for a node, met before or not', async () => {
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2 });
    two.meet(one);
    one.network.setPeers([{ nodeId: 2, address: two.address, storeId: 'store-9' }]);
    await eventually(() => one.network.states()[0]?.failure?.includes('another disk') === true);
    await eventually(() => two.network.states()[0]?.failure?.includes('another disk') === true);
    expect(isUp(one, 2)).toBe(false);
    one.network.setPeers([{ nodeId: 2, address: two.address, storeId: 'store-2' }]);
    await eventually(() => isUp(one, 2) && isUp(two, 1));
  });

  test('a node that was removed is told so', async () => {
    const told: NodeId[] = [];
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2, onRemoved: (by) => told.push(by) });
    two.meet(one);
    one.network.setPeers([], new Set([2]));
    await eventually(() => told.length > 0);
    expect(told[0]).toBe(1);
    expect(two.network.states()[0]?.failure).toMatch(/^Removed:.*node 2/);
  });

  test('a peer without an address is not dialled, and known when it comes', async () => {
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2 });
    one.network.setPeers([{ nodeId: 2, address: '' }]);
    two.meet(one);
    expect(one.network.states()[0]?.failure).toMatch('address is not known');
    one.network.setPeers([{ nodeId: 2, address: two.address }]);
    await eventually(() => isUp(one, 2) && isUp(two, 1));
  });

  test('another cluster is refused by name, on both sides', async () => {
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2, clusterId: 'other' });
    one.meet(two);
    two.meet(one);
    for (const node of [one, two]) {
      await eventually(() => node.network.states()[0]?.failure?.includes('WrongCluster') === true);
      expect(node.events).toEqual([]);
    }
  });

  test('what was accepted is remembered before frames flow', async () => {
    const memory = new TestMemory();
    const one = await open({ nodeId: 1, memory });
    const two = await open({ nodeId: 2, bootNonces: ['a', 'b'] });
    one.meet(two);
    two.meet(one);
    await eventually(() => isUp(one, 2));
    expect(memory.get(2)).toEqual({ storeId: 'store-2', bootNonce: 'b', logPosition: 0 });
  });
});

test('GrpcNetwork judges hellos of a node one at a time', async () => {
  // A memory that is slow to note must not let an older life in behind a newer one.
  const release: (() => void)[] = [];
  class SlowMemory extends TestMemory {
    override async put(nodeId: NodeId, record: PeerRecord): Promise<void> {
      await new Promise<void>((resolve) => release.push(resolve));
      this.records.set(nodeId, record);
    }
  }
  const memory = new SlowMemory();
  const one = await open({ nodeId: 1, memory });
  const older = await open({ nodeId: 2, bootNonces: ['a'] });
  const newer = await open({ nodeId: 2, bootNonces: ['a', 'b'] });
  one.meet(newer);
  newer.meet(one);
  await eventually(() => release.length === 1);
  older.meet(one);
  const releaser = setInterval(() => release.shift()?.(), 1);
  try {
    await eventually(() => isUp(one, 2));
    await eventually(() => older.network.states()[0]?.failure?.includes('BootUnknown') === true);
    expect(memory.get(2)?.bootNonce).toBe('b');
  } finally {
    clearInterval(releaser);
  }
});

describe('GrpcNetwork snapshots', () => {
  const header = { groupId: 7, header: Buffer.from('head') };

  async function* chunksOf(...chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
    for (const chunk of chunks) {
      await Promise.resolve();
      yield chunk;
    }
  }

  test('arrive chunk by chunk as they were given, and resolve after the handler', async () => {
    const [one, two] = await openPair();
    const parts: Buffer[] = [];
    let isDone = false;
    two.network.onSnapshot(async (from, snapshot, chunks) => {
      expect(from).toBe(1);
      expect(snapshot).toEqual(header);
      for await (const chunk of chunks) {
        parts.push(Buffer.from(chunk));
      }
      isDone = true;
    });
    // The host reads a chunk as a whole: one larger than the window must not come in pieces.
    const chunks = [Buffer.alloc(700 * kibibyte, 'x'), Buffer.alloc(0), Buffer.from('end')];
    await one.network.sendSnapshot(2, header, chunksOf(...chunks));
    expect(isDone).toBe(true);
    expect(parts.map(({ length }) => length)).toEqual([700 * kibibyte, 0, 3]);
    expect(Buffer.concat(parts).equals(Buffer.concat(chunks))).toBe(true);
  });

  test('a chunk above the limit is refused by name', async () => {
    const [one, two] = await openPair();
    two.network.onSnapshot(async (_from, _snapshot, chunks) => {
      for await (const chunk of chunks) {
        expect(chunk.length).toBe(0);
      }
    });
    const large = Buffer.alloc(snapshotChunkBytesMax + 1);
    await expect(one.network.sendSnapshot(2, header, chunksOf(large))).rejects.toMatchObject({
      code: 'Refused',
      facts: { reason: 'ChunkTooLarge' },
    });
  });

  test('the source may wait for what the receiver answers', async () => {
    const [one, two] = await openPair();
    const received: string[] = [];
    two.network.onSnapshot(async (_from, _snapshot, chunks, answer) => {
      answer(Buffer.from('from k7'));
      for await (const chunk of chunks) {
        received.push(chunk.toString());
        answer(Buffer.from(`has ${chunk.toString()}`));
      }
    });
    const answers: string[] = [];
    let heard: () => void = () => undefined;
    async function* source(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 3; i++) {
        while (answers.length <= i) {
          await new Promise<void>((resolve) => {
            heard = resolve;
          });
        }
        yield Buffer.from(`${i}`);
      }
    }
    await one.network.sendSnapshot(2, header, source(), (bytes) => {
      answers.push(bytes.toString());
      heard();
    });
    expect(received).toEqual(['0', '1', '2']);
    expect(answers).toEqual(['from k7', 'has 0', 'has 1', 'has 2']);
  });

  test('a refusal ends a source that waits for an answer', async () => {
    const [one, two] = await openPair();
    two.network.onSnapshot(async () => {
      await Promise.resolve();
      throw new DynakvError('Throttled', 'busy', { reason: 'SnapshotsIn' });
    });
    async function* waiting(): AsyncGenerator<Buffer> {
      await new Promise<never>(() => undefined);
      yield Buffer.alloc(0);
    }
    await expect(one.network.sendSnapshot(2, header, waiting())).rejects.toMatchObject({
      code: 'Throttled',
      facts: { reason: 'SnapshotsIn' },
    });
  });

  test('a slow receiver holds the sender back', async () => {
    const [one, two] = await openPair();
    let produced = 0;
    async function* source(): AsyncGenerator<Buffer> {
      for (; produced < 200; produced++) {
        await Promise.resolve();
        yield Buffer.alloc(256 * kibibyte);
      }
    }
    let consumed = 0;
    let lead = 0;
    two.network.onSnapshot(async (_from, _snapshot, chunks) => {
      for await (const chunk of chunks) {
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
        consumed += chunk.length / (256 * kibibyte);
        lead = Math.max(lead, produced - consumed);
      }
    });
    await one.network.sendSnapshot(2, header, source());
    expect(consumed).toBe(200);
    expect(lead).toBeLessThan(64);
  });

  test('errors travel both ways', async () => {
    const [one, two] = await openPair();
    two.network.onSnapshot(async () => {
      await Promise.resolve();
      throw new Error('no room');
    });
    await expect(
      one.network.sendSnapshot(2, header, chunksOf(Buffer.from('x'))),
    ).rejects.toMatchObject({ message: 'no room' });
    let seen = '';
    two.network.onSnapshot(async (_from, _snapshot, chunks) => {
      try {
        for await (const chunk of chunks) {
          expect(chunk.toString()).toBe('x');
        }
      } catch (error) {
        seen = (error as Error).message;
        throw error;
      }
    });
    async function* broken(): AsyncGenerator<Buffer> {
      yield* chunksOf(Buffer.from('x'));
      throw new Error('read failed');
    }
    await expect(one.network.sendSnapshot(2, header, broken())).rejects.toMatchObject({
      message: 'read failed',
    });
    await eventually(() => seen.includes('read failed'));
  });

  test('a handler that stops reading does not confirm', async () => {
    const [one, two] = await openPair();
    two.network.onSnapshot(async () => {
      await Promise.resolve();
    });
    await expect(
      one.network.sendSnapshot(2, header, chunksOf(Buffer.from('x'))),
    ).rejects.toMatchObject({ facts: { reason: 'SnapshotNotRead' } });
  });

  test('the end of either process ends the other side', async () => {
    const [one, two] = await openPair();
    let handlerError = '';
    let started = false;
    two.network.onSnapshot(async (_from, _snapshot, chunks) => {
      try {
        for await (const chunk of chunks) {
          started = chunk.length > 0;
        }
      } catch (error) {
        handlerError = (error as Error).message;
        throw error;
      }
    });
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        yield* chunksOf(Buffer.alloc(kibibyte));
      }
    }
    const sent = one.network.sendSnapshot(2, header, endless());
    sent.catch(() => undefined);
    await eventually(() => started);
    await one.close();
    await expect(sent).rejects.toMatchObject({ code: 'Unavailable' });
    await eventually(() => handlerError !== '');
  });

  test('need an accepted connection', async () => {
    const one = await open({ nodeId: 1 });
    await expect(one.network.sendSnapshot(2, header, chunksOf())).rejects.toMatchObject({
      code: 'Unavailable',
    });
  });
});

describe('GrpcNetwork quarantine', () => {
  test('a store whose failure was noted is refused for good, and hears why', async () => {
    const memory = new TestMemory();
    const one = await open({ nodeId: 1, memory });
    const before = await open({ nodeId: 2 });
    one.meet(before);
    before.meet(one);
    await eventually(() => isUp(one, 2));
    await one.network.noteQuarantined(2, 'fdatasync failed');
    expect(memory.get(2)).toMatchObject({ quarantined: 'fdatasync failed' });
    await before.close();
    await eventually(() => !isUp(one, 2));
    const heard: string[] = [];
    const after = await open({
      nodeId: 2,
      bootNonces: ['boot-2', 'boot-2b'],
      onQuarantined: (by, failure) => heard.push(`${by} ${failure}`),
    });
    after.meet(one);
    one.meet(after);
    await eventually(() => heard.length > 0);
    expect(heard[0]).toContain('fdatasync failed');
    expect(isUp(one, 2)).toBe(false);
    expect(memory.get(2)?.bootNonce).toBe('boot-2');
  });
});

describe('GrpcNetwork addresses', () => {
  test('an accepted hello tells where its sender is reached from now on, if that is news', async () => {
    const heard: string[] = [];
    const onAddress = (nodeId: NodeId, address: string): void => {
      heard.push(`${nodeId} ${address}`);
    };
    const one = await open({ nodeId: 1, onAddress });
    const two = await open({ nodeId: 2, address: 'n2.example:7000' });
    one.meet(two);
    two.meet(one);
    await eventually(() => isUp(one, 2) && isUp(two, 1));
    expect(heard).toEqual(['2 n2.example:7000']);
  });
});
