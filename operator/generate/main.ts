/**
 * `make crds`: writes what is made of `operator/api`: the CRD, the admission policies, the page of
 * fields. They are committed; `make crds-check` fails when they are not what this writes.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { admissionPolicies } from './admission-policies.ts';
import { apiPage } from './api-page.ts';
import { customResourceDefinition } from './crd.ts';
import { TypeShapes } from './type-shapes.ts';

const root = join(import.meta.dirname, '..', '..');
const banner = '# Generated from operator/api by `make crds`.\n';

/** Shapes of all types of `operator/api`. */
export function readShapes(): TypeShapes {
  const folder = join(root, 'operator', 'api');
  const files = readdirSync(folder).filter((name) => /^[a-z-]+\.ts$/.test(name));
  return new TypeShapes(files.map((name) => join(folder, name)));
}

function yamlOf(objects: readonly object[]): string {
  const options = { lineWidth: 100, aliasDuplicateObjects: false };
  return banner + objects.map((object) => stringify(object, options)).join('---\n');
}

/** Path from the root → text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const shapes = readShapes();
  return new Map([
    ['crds/dynamoclusters.dynakv.dev.yaml', yamlOf([customResourceDefinition(shapes)])],
    ['manifests/admission-policies.yaml', yamlOf(admissionPolicies())],
    ['operator/docs/api.md', apiPage(shapes)],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of generatedFiles()) {
    writeFileSync(join(root, path), text);
  }
}
