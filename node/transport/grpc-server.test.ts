/** The server's edges: ports that cannot be had, bytes that are no gRPC, streams that are no hello. */
import { connect, createServer, type Server as NetServer } from 'node:net';

import { afterEach, describe, expect, test } from '@jest/globals';

import { assert } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { kibibyte } from '../lib/units.ts';
import { realTimers } from '../sys/real/timers.ts';
import {
  openByteStream,
  openClient,
  framesPath,
  plaintextChannels,
  snapshotPath,
} from './grpc-channel.ts';
import { fromGrpcFailure } from './grpc-status.ts';
import { GrpcServer, plaintextServer } from './grpc-server.ts';
import { encodeHello, encodeHelloReply, helloTo, type LocalIdentity } from './hello.ts';
import { eventually, TestNode, type TestNodeOptions } from './test-node.ts';

const opened: TestNode[] = [];

async function open(options: TestNodeOptions): Promise<TestNode> {
  const node = await TestNode.open(options);
  opened.push(node);
  return node;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (node) => await node.close()));
});

function identityOf(nodeId: number): LocalIdentity {
  return {
    clusterId: 'test-cluster',
    nodeId,
    storeId: `store-${nodeId}`,
    bootNonces: [`boot-${nodeId}`],
    logPosition: 0,
  };
}

/** A node's hello to node 1. */
function helloOf(nodeId: number): Buffer {
  return encodeHello(helloTo(1, identityOf(nodeId)));
}

/** Sends `messages` on a stream and returns the reason it was ended with. */
async function reasonFor(
  node: TestNode,
  path: string,
  messages: readonly Buffer[],
): Promise<unknown> {
  const client = openClient(node.address, plaintextChannels);
  try {
    return await new Promise((resolve) => {
      const stream = openByteStream(client, path);
      stream.on('error', () => undefined);
      stream.on('status', (status) => {
        resolve(fromGrpcFailure(status).facts['reason']);
      });
      stream.resume();
      for (const message of messages) {
        stream.write(message);
      }
    });
  } finally {
    client.close();
  }
}

describe('GrpcServer', () => {
  test('names a port that is in use, and what to do', async () => {
    const one = await open({ nodeId: 1 });
    await expect(TestNode.open({ nodeId: 2, port: one.server.port })).rejects.toMatchObject({
      code: 'ConfigInvalid',
      facts: { errno: 'EADDRINUSE' },
      message: expect.stringContaining(`127.0.0.1:${one.server.port}: the port is in use`),
    });
  });

  test('closes a connection of random bytes and serves on', async () => {
    const one = await open({ nodeId: 1 });
    const random = new Prng(5);
    for (let i = 0; i < 20; i++) {
      const socket = connect(one.server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      let isClosed = false;
      socket.on('close', () => {
        isClosed = true;
      });
      socket.resume();
      // Some start as HTTP/2 should, and go on with nonsense.
      if (i % 2 === 1) {
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      }
      socket.write(random.bytes(1 + random.below(2000)));
      socket.end();
      await eventually(() => isClosed);
    }
    const two = await open({ nodeId: 2 });
    one.meet(two);
    two.meet(one);
    await eventually(() => one.events.length > 0);
    expect(one.events[0]?.kind).toBe('up');
  });

  test('ends a stream whose first message is no hello, by name', async () => {
    const one = await open({ nodeId: 1 });
    expect(await reasonFor(one, framesPath, [Buffer.from('nonsense')])).toBe('BadFrame');
    expect(await reasonFor(one, framesPath, [helloOf(5)])).toBe('UnknownNode');
    expect(await reasonFor(one, snapshotPath, [Buffer.from('nonsense')])).toBe('BadFrame');
    expect(await reasonFor(one, snapshotPath, [Buffer.alloc(0)])).toBe('UnknownNode');
  });

  test('ends a stream on which more than a hello comes, and connects anew', async () => {
    const one = await open({ nodeId: 1 });
    const two = await open({ nodeId: 2 });
    one.meet(two);
    two.meet(one);
    await eventually(() => one.events.length === 1 && two.events.length === 1);
    // A stream that claims to be node 2 of the same boot takes the place of its stream.
    const extra = Buffer.from('ff', 'hex');
    expect(await reasonFor(one, framesPath, [helloOf(2), extra, extra])).toBe('Malformed');
    await eventually(() => one.events.filter(({ kind }) => kind === 'down').length >= 1);
    await eventually(() => one.events.at(-1)?.kind === 'up' && two.events.at(-1)?.kind === 'up');
  });
});

test('GrpcNetwork drops a connection whose frames cannot be read', async () => {
  // A peer that says a proper hello both ways, and then sends nonsense.
  const server = await GrpcServer.open({
    host: '127.0.0.1',
    port: 0,
    credentials: plaintextServer,
    timers: realTimers,
    peers: {
      frames: (call) => {
        call.on('error', () => undefined);
        call.once('data', () => {
          call.write(encodeHelloReply(helloTo(1, identityOf(2))));
          call.write(Buffer.from('ff', 'hex'));
        });
      },
      snapshot: () => undefined,
    },
    services: [],
  });
  const one = await open({ nodeId: 1 });
  one.meet({ nodeId: 2, address: `127.0.0.1:${server.port}` });
  expect(await reasonFor(one, framesPath, [helloOf(2)])).toBe('Replaced');
  expect(one.events).toEqual([
    { kind: 'up', nodeId: 2, bootId: 'boot-2' },
    { kind: 'down', nodeId: 2, refused: false },
  ]);
  expect(one.frames).toEqual([]);
  one.network.close();
  await server.close();
});

/** Passes a connection on to the server; `bytes` came from the client. */
async function openProxy(
  port: number,
): Promise<{ server: NetServer; port: number; bytes: number }> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.on('data', (data) => {
      proxy.bytes += data.length;
      far.write(data);
    });
    far.on('data', (data) => near.write(data));
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  const proxy = { server, port: address.port, bytes: 0 };
  return proxy;
}

test('a sender goes ahead of a reader by several chunks, and no further', async () => {
  const server = await GrpcServer.open({
    ...{ host: '127.0.0.1', port: 0, credentials: plaintextServer, timers: realTimers },
    ...{
      services: [],
      peers: { frames: (call) => call.write(Buffer.from('here')), snapshot: () => undefined },
    },
  });
  const proxy = await openProxy(server.port);
  const client = openClient(`127.0.0.1:${proxy.port}`, plaintextChannels);
  try {
    // Nobody reads it.
    const stream = openByteStream(client, snapshotPath);
    stream.on('error', () => undefined);
    for (let i = 0; i < 64; i++) {
      stream.write(Buffer.alloc(32 * kibibyte));
    }
    await eventually(() => proxy.bytes >= 384 * kibibyte);
    // Another stream of the connection is not held up by it.
    const other = openByteStream(client, framesPath);
    other.on('error', () => undefined);
    await new Promise((resolve) => other.once('data', resolve));
    expect(proxy.bytes).toBeLessThan(576 * kibibyte);
    stream.cancel();
    other.cancel();
  } finally {
    client.close();
    await server.close();
    proxy.server.close();
  }
});
