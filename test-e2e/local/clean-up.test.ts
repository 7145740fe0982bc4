import { describe, expect, test } from '@jest/globals';
import { mountsBelow } from './clean-up.ts';

describe('mountsBelow()', () => {
  const mountInfo = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '90 22 254:0 /x /var/lib/dynakv-e2e/node-1/kubelet/pods/a rw - ext4 /dev/vda rw',
    '91 90 0:50 / /var/lib/dynakv-e2e/node-1/kubelet/pods/a/b\\040c rw - tmpfs tmpfs rw',
    '92 22 0:51 / /var/lib/dynakv-e2e-other/x rw - tmpfs tmpfs rw',
    '93 22 0:52 / /run/dynakv-e2e/node-1/containerd rw - overlay overlay rw',
    '',
  ].join('\n');

  test('lists what is below the folders, inner mounts first, spaces unescaped', () => {
    expect(mountsBelow(mountInfo, ['/var/lib/dynakv-e2e', '/run/dynakv-e2e'])).toEqual([
      '/run/dynakv-e2e/node-1/containerd',
      '/var/lib/dynakv-e2e/node-1/kubelet/pods/a/b c',
      '/var/lib/dynakv-e2e/node-1/kubelet/pods/a',
    ]);
  });
});
