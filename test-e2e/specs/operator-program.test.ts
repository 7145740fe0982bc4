/** The operator that specs measure is started as the chart and the image start it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { allocatorSettings, nodeFlags } from './operator-program.ts';

const root = join(import.meta.dirname, '..', '..');

function text(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

describe('OperatorProgram', () => {
  test.each(['charts/dynakv-operator/templates/deployment.yaml', 'manifests/install.yaml'])(
    'has the flags of Node that %s has',
    (file) => {
      const line = /command: \[node, (.*), \/opt\/dynakv\/operator\/main\.js\]/.exec(text(file));
      expect(line?.[1]?.split(', ')).toEqual(nodeFlags);
    },
  );

  test('has the settings of the allocator that the image has', () => {
    const found = text('test-e2e/image/Dockerfile').match(/MALLOC_[A-Z_]+=\d+/g);
    const settings = Object.entries(allocatorSettings).map(([name, value]) => `${name}=${value}`);
    expect(found).toEqual(settings);
  });
});
