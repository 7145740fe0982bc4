/**
 * Which specs a run takes. A spec's name is its file's without `.e2e.ts`; `x.smoke.e2e.ts` belongs
 * to the smoke set, `middle-x` needs the middle tier alone and no cluster.
 */
import type { Depth } from './lib/run-environment.ts';

export interface SpecFile {
  readonly file: string;
  readonly name: string;
  readonly isSmoke: boolean;
  readonly isMiddle: boolean;
}

const pattern = /^((middle-)?[a-z0-9-]+?)(\.smoke)?\.e2e\.ts$/;

/** The specs among the files of the folder, in order of name. */
export function parseSpecFiles(files: readonly string[]): readonly SpecFile[] {
  return files.toSorted().flatMap((file) => {
    const [, name, middle, smoke] = pattern.exec(file) ?? [];
    return name === undefined
      ? []
      : [{ file, name, isSmoke: smoke !== undefined, isMiddle: middle !== undefined }];
  });
}

/** The one asked for by name, whatever the depth; else those of the depth. */
export function chooseSpecs(
  specs: readonly SpecFile[],
  wanted: { readonly spec?: string; readonly depth: Depth },
): readonly SpecFile[] {
  if (wanted.spec !== undefined && wanted.spec !== '') {
    const found = specs.filter((each) => each.name === wanted.spec);
    if (found.length === 0) {
      const names = specs.map((each) => each.name).join(', ');
      throw new Error(`Cannot find spec "${wanted.spec}": there are ${names}`);
    }
    return found;
  }
  return specs.filter((each) => wanted.depth === 'full' || each.isSmoke);
}
