/**
 * Whether document paths of one expression get in each other's way: one may not contain another
 * (overlap), nor may two treat one attribute as a map and as a list (conflict). An overlap is
 * reported before any conflict.
 */
import type { DocumentPath } from './ast.ts';
import { formatPath } from './document-paths.ts';

type Relation = 'apart' | 'overlap' | 'conflict';

function relate(a: DocumentPath, b: DocumentPath): Relation {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a[i];
    const right = b[i];
    if (typeof left !== typeof right) {
      return 'conflict';
    }
    if (left !== right) {
      return 'apart';
    }
  }
  return 'overlap';
}

function describe(relation: Relation, one: DocumentPath, two: DocumentPath): string {
  return (
    `Two document paths ${relation} with each other; must remove or rewrite one of these paths; ` +
    `path one: ${formatPath(one)}, path two: ${formatPath(two)}`
  );
}

/** DynamoDB's message about the first pair, or undefined. */
export function overlapProblem(paths: readonly DocumentPath[]): string | undefined {
  let conflict: string | undefined;
  // Only paths under one attribute can meet.
  const byAttribute = new Map<string, DocumentPath[]>();
  for (const path of paths) {
    const others = byAttribute.get(path[0]) ?? [];
    for (const other of others) {
      const relation = relate(other, path);
      if (relation === 'overlap') {
        return describe(relation, other, path);
      }
      if (relation === 'conflict') {
        conflict ??= describe(relation, other, path);
      }
    }
    others.push(path);
    byAttribute.set(path[0], others);
  }
  return conflict;
}
