import { describe, expect, test } from '@jest/globals';
import { chooseSpecs, parseSpecFiles } from './spec-files.ts';

const specs = parseSpecFiles([
  'platform.smoke.e2e.ts',
  'middle-crash-points.e2e.ts',
  'plain-database.ts',
  'drain-cancelled.e2e.ts',
]);

describe('spec files', () => {
  test('names, depth and tier are read from the file names', () => {
    expect(specs).toEqual([
      { file: 'drain-cancelled.e2e.ts', name: 'drain-cancelled', isSmoke: false, isMiddle: false },
      {
        file: 'middle-crash-points.e2e.ts',
        name: 'middle-crash-points',
        isSmoke: false,
        isMiddle: true,
      },
      { file: 'platform.smoke.e2e.ts', name: 'platform', isSmoke: true, isMiddle: false },
    ]);
  });

  test('the smoke set is a part, full is all', () => {
    expect(chooseSpecs(specs, { depth: 'smoke' }).map(({ name }) => name)).toEqual(['platform']);
    expect(chooseSpecs(specs, { depth: 'full' })).toHaveLength(3);
  });

  test('a spec asked for by name is taken whatever the depth', () => {
    const chosen = chooseSpecs(specs, { spec: 'drain-cancelled', depth: 'smoke' });
    expect(chosen.map(({ name }) => name)).toEqual(['drain-cancelled']);
  });

  test('a name that is none is refused with those that are', () => {
    expect(() => chooseSpecs(specs, { spec: 'drain', depth: 'full' })).toThrow(
      'Cannot find spec "drain": there are drain-cancelled, middle-crash-points, platform',
    );
  });
});
