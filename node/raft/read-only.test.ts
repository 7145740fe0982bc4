import { describe, expect, test } from '@jest/globals';

import { ReadOnlyQueue } from './read-only.ts';

const voters = { incoming: [1, 2, 3], outgoing: [] };
const request = (name: string, index = 7) => ({ from: 0, context: Buffer.from(name), index });

function queueWith(...names: string[]): ReadOnlyQueue {
  const queue = new ReadOnlyQueue();
  for (const name of names) {
    queue.add(request(name));
    queue.acknowledgeAll(1);
  }
  return queue;
}

describe('ReadOnlyQueue', () => {
  test('heartbeatContext() is empty while nothing waits', () => {
    expect(new ReadOnlyQueue().heartbeatContext()).toBeUndefined();
  });

  test('takeConfirmed() answers every request that one round covers', () => {
    const queue = queueWith('a', 'b');
    const round = queue.heartbeatContext();
    queue.add(request('c'));
    queue.receiveAck(2, round);
    const names = queue.takeConfirmed(voters).map(({ context }) => context.toString());
    expect(names).toEqual(['a', 'b']);
    expect(queue.length).toBe(1);
  });

  test('a round that began before a request does not confirm it', () => {
    const queue = queueWith('a');
    const round = queue.heartbeatContext();
    queue.add(request('b'));
    queue.acknowledgeAll(1);
    queue.receiveAck(2, round);
    queue.receiveAck(3, round);
    expect(queue.takeConfirmed(voters).length).toBe(1);
    expect(queue.takeConfirmed(voters).length).toBe(0);
  });

  test('a minority does not confirm', () => {
    const queue = queueWith('a');
    expect(queue.takeConfirmed(voters)).toEqual([]);
    queue.receiveAck(9, queue.heartbeatContext());
    expect(queue.takeConfirmed(voters)).toEqual([]);
  });

  test('a joint configuration needs both halves', () => {
    const queue = queueWith('a');
    const joint = { incoming: [1, 2], outgoing: [3, 4, 5] };
    queue.receiveAck(2, queue.heartbeatContext());
    expect(queue.takeConfirmed(joint)).toEqual([]);
    queue.receiveAck(4, queue.heartbeatContext());
    queue.receiveAck(5, queue.heartbeatContext());
    expect(queue.takeConfirmed(joint).length).toBe(1);
  });

  test('an acknowledgement never goes back, and foreign bytes are none', () => {
    const queue = queueWith('a');
    const first = queue.heartbeatContext();
    queue.add(request('b'));
    const second = queue.heartbeatContext();
    queue.receiveAck(2, second);
    queue.receiveAck(2, first);
    expect(queue.ackedIndex(2)).toBe(2);
    queue.receiveAck(3, Buffer.from('x'));
    queue.receiveAck(3, undefined);
    expect(queue.ackedIndex(3)).toBeUndefined();
  });

  test('reset() drops requests and acknowledgements', () => {
    const queue = queueWith('a');
    queue.receiveAck(2, queue.heartbeatContext());
    queue.reset();
    queue.add(request('b'));
    expect(queue.takeConfirmed(voters)).toEqual([]);
  });
});
