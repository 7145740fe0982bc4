/**
 * For tests and measurements: a node of the transport as a process of its own, driven over IPC.
 * It echoes every `request` frame as a `reply` on the urgent lane, flushing once a turn.
 */
import process from 'node:process';

import { FrameKind } from '../sys/network.ts';
import { TestNode } from './test-node.ts';

export interface TestProcessCommand {
  readonly peers: readonly { readonly nodeId: number; readonly address: string }[];
}

export interface TestProcessReport {
  readonly address: string;
}

const nodeId = Number(process.argv[2]);
const bootNonces = (process.argv[3] ?? 'boot').split(',');
const node = await TestNode.open({ nodeId, bootNonces });
let flushing = false;

node.network.onFrame((from, kind, payload) => {
  if (kind === FrameKind.request) {
    node.network.send(from, 'urgent', FrameKind.reply, payload);
    if (!flushing) {
      flushing = true;
      setImmediate(() => {
        flushing = false;
        node.network.flush();
      });
    }
  }
});
process.on('message', (command: TestProcessCommand) => {
  node.meet(...command.peers);
});
process.on('disconnect', () => {
  process.exit(0);
});
process.send?.({ address: node.address } satisfies TestProcessReport);
