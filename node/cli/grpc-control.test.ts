/** The connector over a real loopback connection, against stand-in handlers. */
import { describe, expect, test } from '@jest/globals';
import type { AdminHandlers } from '../admin/grpc-admin.ts';
import { adminService } from '../admin/grpc-admin.ts';
import { realTimers } from '../sys/real/timers.ts';
import { TestNode } from '../transport/test-node.ts';
import { newGrpcConnector } from './grpc-control.ts';
import { birthMembers, planInit, planNodes } from './local-plan.ts';

const refuse = async (): Promise<never> => await Promise.reject(new Error('not asked here'));

async function withNode(
  handlers: Partial<AdminHandlers>,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const all: AdminHandlers = {
    identify: refuse,
    init: refuse,
    bootstrap: refuse,
    join: refuse,
    status: refuse,
    stop: refuse,
    ...handlers,
  };
  const node = await TestNode.open({ nodeId: 1, services: [adminService(all)] });
  try {
    await use(node.address);
  } finally {
    await node.close();
  }
}

const connect = newGrpcConnector(realTimers);

describe('newGrpcConnector()', () => {
  test('answers are plain objects', async () => {
    const status = async () => ({ clusterId: 'c', nodes: [{ state: 'active' }] });
    await withNode({ status }, async (address) => {
      const control = connect(address);
      const answer = await control.status();
      expect(answer).toMatchObject({ clusterId: 'c', nodes: [{ state: 'active' }], groups: [] });
      expect(JSON.stringify(answer)).not.toContain('$typeName');
      control.close();
    });
  });

  test('init carries the plan', async () => {
    let members: readonly string[] = [];
    const init: AdminHandlers['init'] = async (request) => {
      members = request.members.map((member) => `${member.nodeId}=${member.address}`);
      return {};
    };
    await withNode({ init }, async (address) => {
      const control = connect(address);
      const options = { nodeCount: 3, port: 8000, dataFolder: 'd', nodeArguments: [] };
      const nodes = planNodes(options, birthMembers(options, options.port));
      await control.init(planInit(nodes, { clusterId: 'c', createdAtMs: 1, shardCount: 16 }));
      control.close();
    });
    expect(members).toEqual(['1=127.0.0.1:7000', '2=127.0.0.1:7001', '3=127.0.0.1:7002']);
  });

  test('a missing TLS file is named by the question that needed it', async () => {
    const control = connect('127.0.0.1:1', { caFile: 'a', certFile: 'b', keyFile: 'c' });
    await expect(control.status()).rejects.toThrow('Cannot use the TLS files "a", "b" and "c"');
    control.close();
  });
});
