/**
 * The part of an item that a projection keeps: structure as in the item, list elements closed up
 * in their order, paths that lead nowhere left out (a container of which nothing is kept too).
 * Source: DynamoDB developer guide, "Using projection expressions in DynamoDB".
 */
import type { AttributeValue, Item } from '../values/attribute-value.ts';
import { setAttribute } from '../values/parse-item.ts';
import type { DocumentPath, Projection } from './ast.ts';
import { valueBelow } from './document-paths.ts';

/** The paths as a tree: what to keep below one value; undefined = all of it. */
type Kept = Map<string | number, Kept | undefined>;

function keptBy(paths: readonly DocumentPath[]): Kept {
  const root: Kept = new Map();
  for (const path of paths) {
    let node = root;
    path.forEach((part, i) => {
      if (i === path.length - 1) {
        node.set(part, undefined);
        return;
      }
      const below = node.get(part) ?? new Map<string | number, Kept | undefined>();
      node.set(part, below);
      node = below;
    });
  }
  return root;
}

function projectList(value: AttributeValue, kept: Kept): AttributeValue | undefined {
  const indexes = [...kept.keys()].filter((part) => typeof part === 'number');
  const elements: AttributeValue[] = [];
  for (const index of indexes.sort((a, b) => a - b)) {
    const element = projectValue(valueBelow(value, index), kept.get(index));
    if (element !== undefined) {
      elements.push(element);
    }
  }
  return elements.length === 0 ? undefined : { L: elements };
}

function projectMap(attributes: Item, kept: Kept): Item | undefined {
  const result: Record<string, AttributeValue> = {};
  let empty = true;
  for (const [name, below] of kept) {
    const attribute =
      typeof name === 'string' && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    const projected = projectValue(attribute, below);
    if (projected !== undefined) {
      setAttribute(result, String(name), projected);
      empty = false;
    }
  }
  return empty ? undefined : result;
}

function projectValue(
  value: AttributeValue | undefined,
  kept: Kept | undefined,
): AttributeValue | undefined {
  if (value === undefined || kept === undefined) {
    return value;
  }
  if ('L' in value) {
    return projectList(value, kept);
  }
  if ('M' in value) {
    const map = projectMap(value.M, kept);
    return map === undefined ? undefined : { M: map };
  }
  return undefined;
}

/** What is left of the item; an empty item if nothing is. */
export function project(projection: Projection, item: Item): Item {
  return projectMap(item, keptBy(projection)) ?? {};
}
