/**
 * The processes of a model database: one gRPC server a pod, on loopback, in plain text. They listen
 * all the time; one whose pod does not run answers nothing but that.
 */
import { adminService } from '../../node/admin/grpc-admin.ts';
import { TestNode } from '../../node/transport/test-node.ts';
import type { ModelDatabase } from './testing-model.ts';

export class ModelNodes {
  /** Name of the pod → host:port. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly #nodes: readonly TestNode[];

  private constructor(nodes: readonly TestNode[], addresses: Readonly<Record<string, string>>) {
    this.#nodes = nodes;
    this.addresses = addresses;
  }

  static async start(database: ModelDatabase, pods: readonly string[]): Promise<ModelNodes> {
    const nodes: TestNode[] = [];
    const addresses: Record<string, string> = {};
    for (const pod of pods) {
      const services = [adminService(database.handlersOf(pod))];
      const node = await TestNode.open({ nodeId: nodes.length + 1, services });
      nodes.push(node);
      addresses[pod] = node.address;
    }
    return new ModelNodes(nodes, addresses);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => await node.close()));
  }
}
