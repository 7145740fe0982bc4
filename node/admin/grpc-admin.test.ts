/** The admin service over a real connection: messages both ways, named refusals, deadlines. */
import { afterEach, describe, expect, test } from '@jest/globals';

import { toJson } from '@bufbuild/protobuf';

import { StatusResponseSchema } from '../contract/gen/admin_pb.ts';
import { DynakvError } from '../lib/errors.ts';
import { TestNode } from '../transport/test-node.ts';
import { AdminClient } from './grpc-admin-client.ts';
import { adminService, type AdminHandlers } from './grpc-admin.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

const handlers: AdminHandlers = {
  identify: async () => await Promise.resolve({ state: 'empty' }),
  init: async (request) => {
    await Promise.resolve();
    throw new DynakvError('Refused', `Cannot init "${request.clusterId}": it exists`, {
      reason: 'AlreadyInitialized',
    });
  },
  bootstrap: async (request) => await Promise.resolve({ created: request.nodeId === 2 }),
  join: async (request) => await Promise.resolve({ nodeId: request.storeId.length }),
  status: async () =>
    await Promise.resolve({
      clusterId: 'c',
      ready: true,
      groups: [{ groupId: 3, term: 2 ** 53 - 1, replicas: [{ nodeId: 1, role: 'voter' }] }],
      problems: [{ reason: 'NodeDown', message: 'Node 2 is down', nodeId: 2 }],
    }),
  stop: async () => await new Promise(() => undefined),
};

async function openClient(changes: Partial<AdminHandlers> = {}): Promise<AdminClient> {
  const node = await TestNode.open({
    nodeId: 1,
    services: [adminService({ ...handlers, ...changes })],
  });
  const client = new AdminClient({ address: node.address, deadlineMs: 500 });
  closers.push(
    async () => {
      await node.close();
    },
    () => {
      client.close();
    },
  );
  return client;
}

describe('AdminClient', () => {
  test('carries requests and responses', async () => {
    const client = await openClient();
    expect((await client.identify()).state).toBe('empty');
    const plan = {
      clusterId: 'c',
      members: [{ nodeId: 1, address: 'a:1' }],
      shardCount: 16,
      replicationFactor: 3,
    };
    expect((await client.bootstrap({ plan, nodeId: 2 })).created).toBe(true);
    expect((await client.join({ clusterId: 'c', storeId: 'abc' })).nodeId).toBe(3);
  });

  test('shows a status whose numbers are numbers in JSON', async () => {
    const client = await openClient();
    const status = await client.status();
    expect(status.groups[0]?.term).toBe(2 ** 53 - 1);
    expect(toJson(StatusResponseSchema, status)).toMatchObject({
      ready: true,
      groups: [{ groupId: 3, term: 2 ** 53 - 1 }],
      problems: [{ reason: 'NodeDown' }],
    });
  });

  test('gives a refusal its name', async () => {
    const client = await openClient();
    await expect(client.init({ clusterId: 'c' })).rejects.toMatchObject({
      code: 'Refused',
      message: 'Cannot init "c": it exists',
      facts: { reason: 'AlreadyInitialized' },
    });
  });

  test('gives an unexpected error of the handler as Internal', async () => {
    const client = await openClient({
      identify: async () => {
        await Promise.resolve();
        throw new Error('a bug');
      },
    });
    await expect(client.identify()).rejects.toMatchObject({ facts: { reason: 'Internal' } });
  });

  test('ends at the deadline, and says when nobody is there', async () => {
    const client = await openClient();
    await expect(client.stop()).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    const lost = new AdminClient({ address: '127.0.0.1:1', deadlineMs: 2_000 });
    closers.push(() => {
      lost.close();
    });
    await expect(lost.identify()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
