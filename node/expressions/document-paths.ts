/**
 * Document paths with their names filled in: the checks that every path of every expression
 * passes, the lookup of a path in an item, and how error messages write a path.
 */
import type { AttributeValue, Item } from '../values/attribute-value.ts';
import { nestingLevelsMax } from '../values/parse-item.ts';
import type { DocumentPath } from './ast.ts';
import type { ExpressionContext } from './names-values.ts';
import type { RawPath } from './raw-tree.ts';
import { isReservedWord } from './reserved-words.ts';

const listIndexMax = 2 ** 31 - 1;

/** The first name of the path that may only be written as a #name. */
export function reservedWordIn(path: RawPath): string | undefined {
  for (const part of path.parts) {
    if (part.kind === 'word' && isReservedWord(part.text)) {
      return part.text;
    }
  }
  return undefined;
}

/** The first list index of the path that is out of range. */
export function badIndexIn(path: RawPath): string | undefined {
  for (const part of path.parts) {
    if (part.kind === 'index' && Number(part.text) > listIndexMax) {
      return part.text;
    }
  }
  return undefined;
}

/** The path with its #names looked up, or the message of the first thing wrong with it. */
export function resolvePath(
  path: RawPath,
  context: ExpressionContext,
): { readonly path: DocumentPath } | { readonly message: string } {
  const resolved: (string | number)[] = [];
  for (const part of path.parts) {
    if (part.kind === 'index') {
      resolved.push(Number(part.text));
      continue;
    }
    const name = part.kind === 'word' ? part.text : context.name(part.key);
    if (name === undefined) {
      return {
        message: `An expression attribute name used in the document path is not defined; attribute name: ${part.kind === 'name' ? part.key : part.text}`,
      };
    }
    resolved.push(name);
  }
  if (resolved.length > nestingLevelsMax) {
    return {
      message: `The document path has too many nesting levels; nesting levels: ${resolved.length}`,
    };
  }
  // The grammar begins every path with a name.
  return { path: resolved as [string, ...(string | number)[]] };
}

/** As error messages write it: `[a, [0], b]`. */
export function formatPath(path: DocumentPath): string {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : part));
  return `[${parts.join(', ')}]`;
}

export function equalPaths(a: DocumentPath, b: DocumentPath): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

/** The value at one step below another; undefined if there is none. */
export function valueBelow(
  parent: AttributeValue,
  part: string | number,
): AttributeValue | undefined {
  if (typeof part === 'number') {
    return 'L' in parent ? parent.L[part] : undefined;
  }
  return 'M' in parent && Object.hasOwn(parent.M, part) ? parent.M[part] : undefined;
}

/** The value at a path of an item; undefined if there is none. */
export function valueAt(item: Item, path: DocumentPath): AttributeValue | undefined {
  const name = path[0];
  let value = Object.hasOwn(item, name) ? item[name] : undefined;
  for (let i = 1; i < path.length && value !== undefined; i++) {
    value = valueBelow(value, path[i] as string | number);
  }
  return value;
}
