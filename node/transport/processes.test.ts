/**
 * Two real processes: frames both ways, a SIGKILL seen as refused, a restart seen as a new boot.
 * Method: this process is node 1, a forked child node 2.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, expect, test } from '@jest/globals';

import { FrameKind } from '../sys/network.ts';
import { eventually, TestNode } from './test-node.ts';
import type { TestProcessCommand, TestProcessReport } from './test-process.ts';

const children: ChildProcess[] = [];

async function startPeer(bootNonces: string, one: TestNode): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('test-process.ts', import.meta.url));
  const child = fork(script, ['2', bootNonces]);
  children.push(child);
  const [report] = (await once(child, 'message')) as [TestProcessReport];
  const command: TestProcessCommand = { peers: [{ nodeId: 1, address: one.address }] };
  child.send(command);
  one.meet({ nodeId: 2, address: report.address });
  return child;
}

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

test('a killed process is noticed as refused, its next life by its boot id', async () => {
  const one = await TestNode.open({ nodeId: 1 });
  try {
    const first = await startPeer('b1', one);
    await eventually(() => one.events.length === 1);
    expect(one.events).toEqual([{ kind: 'up', nodeId: 2, bootId: 'b1' }]);
    one.network.send(2, 'bulk', FrameKind.request, Buffer.from('ping'));
    one.network.flush();
    await eventually(() => one.frames.length === 1);
    expect(one.frames[0]).toEqual({
      from: 2,
      kind: FrameKind.reply,
      payload: Buffer.from('ping'),
    });
    first.kill('SIGKILL');
    await eventually(() => one.events.length === 3);
    expect(one.events.slice(1)).toEqual([
      { kind: 'down', nodeId: 2, refused: false },
      { kind: 'down', nodeId: 2, refused: true },
    ]);
    await startPeer('b1,b2', one);
    await eventually(() => one.events.length === 4);
    expect(one.events[3]).toEqual({ kind: 'up', nodeId: 2, bootId: 'b2' });
  } finally {
    await one.close();
  }
});
