/** The simulated network keeps to the port, and each fault does what it says. */
import { describe, expect, test } from '@jest/globals';

import { Prng } from '../lib/prng.ts';
import { FrameKind, type NodeId, type PeerEvent } from '../sys/network.ts';
import { SimScheduler, type SimTime } from './clock.ts';
import { SimNetwork, type SimNetworkOptions, type SimNode } from './network.ts';

interface TestNode {
  readonly node: SimNode;
  readonly time: SimTime;
  readonly frames: string[];
  readonly events: PeerEvent[];
}

class Cluster {
  readonly scheduler = new SimScheduler();
  readonly network: SimNetwork;

  constructor(seed: number, options: SimNetworkOptions = {}) {
    this.network = new SimNetwork(this.scheduler.openTime(), new Prng(seed), options);
  }

  start(nodeId: NodeId, bootId: string, peerIds: readonly NodeId[]): TestNode {
    const time = this.scheduler.openTime();
    const node = this.network.open({ nodeId, bootId, timers: time });
    const frames: string[] = [];
    const events: PeerEvent[] = [];
    node.onFrame((from, kind, payload) => {
      frames.push(`${from} ${kind} ${payload.toString()}`);
    });
    node.onPeer((event) => events.push(event));
    node.setPeers(peerIds.map((id) => ({ nodeId: id, address: `node-${id}:7000` })));
    return { node, time, frames, events };
  }
}

function sendTexts(from: TestNode, to: NodeId, texts: readonly string[]): void {
  for (const text of texts) {
    from.node.send(to, 'bulk', FrameKind.raft, Buffer.from(text));
  }
  from.node.flush();
}

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) {
    await Promise.resolve();
    yield Buffer.from(text);
  }
}

describe('SimNetwork', () => {
  test('connects a pair when each knows the other, and delivers in order', async () => {
    const cluster = new Cluster(1);
    const one = cluster.start(1, 'a1', [2]);
    await cluster.scheduler.runFor(10);
    expect(one.events).toEqual([]);
    expect(one.node.send(2, 'bulk', FrameKind.raft, Buffer.from('early'))).toBe(false);
    const two = cluster.start(2, 'b1', [1]);
    await cluster.scheduler.runFor(10);
    expect(one.events).toEqual([{ kind: 'up', nodeId: 2, bootId: 'b1' }]);
    expect(two.events).toEqual([{ kind: 'up', nodeId: 1, bootId: 'a1' }]);
    const texts = Array.from({ length: 50 }, (_, i) => `${i}`);
    sendTexts(one, 2, texts);
    await cluster.scheduler.runFor(10);
    expect(two.frames).toEqual(texts.map((text) => `1 1 ${text}`));
  });

  test('a node that is called by one it does not know hears of it, and nothing else', async () => {
    const cluster = new Cluster(1);
    const two = cluster.start(2, 'b1', []);
    const strangers: NodeId[] = [];
    two.node.onStranger(({ nodeId }) => strangers.push(nodeId));
    const heard = (): NodeId[] => [...new Set(strangers.splice(0))];
    const one = cluster.start(1, 'a1', [2]);
    await cluster.scheduler.runFor(10);
    expect([heard(), one.events, two.events]).toEqual([[1], [], []]);
    two.node.setPeers([], new Set([1]));
    await cluster.scheduler.runFor(10);
    expect(heard()).toEqual([]);
    two.node.setPeers([{ nodeId: 1, address: 'node-1:7000' }]);
    await cluster.scheduler.runFor(10);
    expect(two.events).toEqual([{ kind: 'up', nodeId: 1, bootId: 'a1' }]);
  });

  test('sends nothing before flush() and refuses above the byte limit', async () => {
    const cluster = new Cluster(1, { queueBytesMax: 10 });
    const one = cluster.start(1, 'a1', [2]);
    const two = cluster.start(2, 'b1', [1]);
    await cluster.scheduler.runFor(10);
    expect(one.node.send(2, 'bulk', FrameKind.raft, Buffer.alloc(10))).toBe(true);
    expect(one.node.send(2, 'urgent', FrameKind.raft, Buffer.alloc(1))).toBe(false);
    expect(one.node.queuedBytes(2)).toBe(10);
    await cluster.scheduler.runFor(10);
    expect(two.frames).toEqual([]);
    one.node.flush();
    expect(one.node.queuedBytes(2)).toBe(0);
    await cluster.scheduler.runFor(10);
    expect(two.frames).toHaveLength(1);
  });

  test('a crash is seen as refused, a restart as up with another boot id', async () => {
    const cluster = new Cluster(1);
    const one = cluster.start(1, 'a1', [2]);
    const two = cluster.start(2, 'b1', [1]);
    await cluster.scheduler.runFor(10);
    two.time.stop();
    cluster.network.crash(2);
    await cluster.scheduler.runFor(10);
    cluster.start(2, 'b2', [1]);
    await cluster.scheduler.runFor(10);
    expect(one.events.slice(1)).toEqual([
      { kind: 'down', nodeId: 2, refused: false },
      { kind: 'down', nodeId: 2, refused: true },
      { kind: 'up', nodeId: 2, bootId: 'b2' },
    ]);
  });

  test('a one-way cut swallows one direction, breaks later, and heals', async () => {
    const cluster = new Cluster(1, { cutDetectMs: 100 });
    const one = cluster.start(1, 'a1', [2]);
    const two = cluster.start(2, 'b1', [1]);
    await cluster.scheduler.runFor(10);
    cluster.network.cutOneWay(1, 2);
    sendTexts(one, 2, ['lost']);
    sendTexts(two, 1, ['kept']);
    await cluster.scheduler.runFor(50);
    expect(two.frames).toEqual([]);
    expect(one.frames).toEqual(['2 1 kept']);
    await cluster.scheduler.runFor(60);
    expect(one.events.at(-1)).toEqual({ kind: 'down', nodeId: 2, refused: false });
    cluster.network.heal();
    await cluster.scheduler.runFor(10);
    expect(one.events.at(-1)).toEqual({ kind: 'up', nodeId: 2, bootId: 'b1' });
    expect(two.events).toHaveLength(3);
  });

  test('partition() cuts between the groups only', async () => {
    const cluster = new Cluster(1);
    const one = cluster.start(1, 'a1', [2, 3]);
    const two = cluster.start(2, 'b1', [1, 3]);
    const three = cluster.start(3, 'c1', [1, 2]);
    await cluster.scheduler.runFor(10);
    cluster.network.partition([1], [2, 3]);
    sendTexts(one, 2, ['lost']);
    sendTexts(two, 3, ['kept']);
    await cluster.scheduler.runFor(10);
    expect(two.frames).toEqual([]);
    expect(three.frames).toEqual(['2 1 kept']);
  });

  test('drop, duplicate and reorder all happen, and a seed replays', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const cluster = new Cluster(seed, {
        dropChance: 0.1,
        duplicateChance: 0.1,
        reorderChance: 0.1,
      });
      const one = cluster.start(1, 'a1', [2]);
      const two = cluster.start(2, 'b1', [1]);
      await cluster.scheduler.runFor(10);
      const texts = Array.from({ length: 200 }, (_, i) => `${i}`);
      sendTexts(one, 2, texts);
      await cluster.scheduler.runFor(200);
      return two.frames;
    };
    const frames = await run(7);
    expect(await run(7)).toEqual(frames);
    expect(await run(8)).not.toEqual(frames);
    expect(new Set(frames).size).toBeLessThan(200);
    expect(new Set(frames).size).toBeLessThan(frames.length);
    const numbers = frames.map((frame) => Number(frame.split(' ')[2]));
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
  });
});

describe('SimNetwork snapshots', () => {
  async function pair(options: SimNetworkOptions = {}): Promise<[Cluster, TestNode, TestNode]> {
    const cluster = new Cluster(3, options);
    const one = cluster.start(1, 'a1', [2]);
    const two = cluster.start(2, 'b1', [1]);
    await cluster.scheduler.runFor(10);
    return [cluster, one, two];
  }

  async function settle(cluster: Cluster, sent: Promise<void>): Promise<string> {
    let outcome = 'pending';
    sent.then(
      () => (outcome = 'sent'),
      (error: unknown) => (outcome = (error as Error).message),
    );
    await cluster.scheduler.runUntil(() => outcome !== 'pending', 60_000);
    return outcome;
  }

  const header = { groupId: 9, header: Buffer.from('head') };

  test('delivers header and chunks, and resolves when the handler returned', async () => {
    const [cluster, one, two] = await pair();
    const received: string[] = [];
    two.node.onSnapshot(async (from, snapshot, chunks) => {
      received.push(`${from} ${snapshot.groupId} ${snapshot.header.toString()}`);
      for await (const chunk of chunks) {
        received.push(chunk.toString());
      }
    });
    const sent = one.node.sendSnapshot(2, header, chunksOf('x', 'y'));
    expect(await settle(cluster, sent)).toBe('sent');
    expect(received).toEqual(['1 9 head', 'x', 'y']);
  });

  test("the handler's error reaches the sender, the source's the handler", async () => {
    const [cluster, one, two] = await pair();
    two.node.onSnapshot(async () => {
      await Promise.resolve();
      throw new Error('no room');
    });
    expect(await settle(cluster, one.node.sendSnapshot(2, header, chunksOf('x', 'y')))).toBe(
      'no room',
    );
    let seen = '';
    two.node.onSnapshot(async (_from, _snapshot, chunks) => {
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
      yield* chunksOf('x');
      throw new Error('read failed');
    }
    expect(await settle(cluster, one.node.sendSnapshot(2, header, broken()))).toContain(
      'read failed',
    );
    expect(seen).toContain('read failed');
  });

  test.each(['sender', 'receiver'])('a crash of the %s ends the other side only', async (side) => {
    const [cluster, one, two] = await pair();
    let handlerEnded = false;
    two.node.onSnapshot(async (_from, _snapshot, chunks) => {
      try {
        for await (const chunk of chunks) {
          expect(chunk.length).toBe(1);
        }
      } finally {
        handlerEnded = true;
      }
    });
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        yield* chunksOf('x');
      }
    }
    const sent = one.node.sendSnapshot(2, header, endless());
    sent.catch(() => undefined);
    await cluster.scheduler.runFor(20);
    cluster.network.crash(side === 'sender' ? 1 : 2);
    const outcome = await settle(cluster, sent);
    await cluster.scheduler.runFor(20);
    expect(handlerEnded).toBe(side === 'sender');
    expect(outcome.includes('the connection broke')).toBe(side === 'receiver');
  });

  test('a handler that stops reading does not confirm', async () => {
    const [cluster, one, two] = await pair();
    two.node.onSnapshot(async () => {
      await Promise.resolve();
    });
    expect(await settle(cluster, one.node.sendSnapshot(2, header, chunksOf('x')))).toContain(
      'not read to its end',
    );
  });

  test('answers reach the source in order, and a fault strikes the chunk that it names', async () => {
    const [cluster, one, two] = await pair({
      snapshotFault: (chunk) => (chunk === 2 ? 'damage' : chunk === 4 ? 'break' : undefined),
    });
    const received: string[] = [];
    two.node.onSnapshot(async (_from, _snapshot, chunks, answer) => {
      answer(Buffer.from('begin'));
      for await (const chunk of chunks) {
        received.push(chunk.toString());
        answer(chunk);
      }
    });
    const answers: string[] = [];
    const sent = one.node.sendSnapshot(2, header, chunksOf('x', 'y', 'z', 'u'), (bytes) => {
      answers.push(bytes.toString());
    });
    expect(await settle(cluster, sent)).toContain('reset');
    expect(received).toEqual(['x', 'x', 'z']);
    // Those under way when the stream broke are lost.
    expect(answers.length).toBeGreaterThan(1);
    expect(answers).toEqual(['begin', ...received].slice(0, answers.length));
  });

  test('a random break fails the transfer', async () => {
    const [cluster, one, two] = await pair({ snapshotBreakChance: 1 });
    two.node.onSnapshot(async (_from, _snapshot, chunks) => {
      for await (const chunk of chunks) {
        expect(chunk.length).toBe(1);
      }
    });
    expect(await settle(cluster, one.node.sendSnapshot(2, header, chunksOf('x')))).toContain(
      'reset',
    );
  });
});
