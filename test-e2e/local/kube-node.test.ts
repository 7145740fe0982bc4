import { describe, expect, test } from '@jest/globals';
import { countSockets } from './kube-node.ts';

const path = '/var/lib/kubelet/device-plugins/kubelet.sock';
const sockets = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 41071 /run/other.sock
0000000000000000: 00000002 00000000 00010000 0001 01 41072 ${path}
0000000000000000: 00000003 00000000 00000000 0001 03 41073
0000000000000000: 00000002 00000000 00010000 0001 01 41074 ${path}.old
0000000000000000: 00000002 00000000 00010000 0001 01 41075 ${path}
`;

describe('countSockets()', () => {
  test('counts each socket of the path, and no other', () => {
    expect(countSockets(sockets, path)).toBe(2);
    expect(countSockets(sockets, '/run/none.sock')).toBe(0);
  });
});
