/**
 * An ordered map of byte keys that never changes in place: every change makes a new root that
 * shares all but the changed path. So a snapshot is a root kept, and a crash is an older root.
 *
 * A treap (Seidel and Aragon 1996) whose priorities are a hash of the key: its shape depends on
 * its content alone, so that equal contents behave equally in a replay. Not for hostile keys.
 *
 * Invariants: keys ascend from left to right; no child has a higher priority than its parent.
 */

export interface TreeNode {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly priority: number;
  readonly left: Tree;
  readonly right: Tree;
  /** Bytes of the keys and values below and here. */
  readonly bytes: number;
}

/** Undefined is the empty map. */
export type Tree = TreeNode | undefined;

export function treeGet(tree: Tree, key: Buffer): Buffer | undefined {
  let node = tree;
  while (node !== undefined) {
    const order = Buffer.compare(key, node.key);
    if (order === 0) {
      return node.value;
    }
    node = order < 0 ? node.left : node.right;
  }
  return undefined;
}

/** With `key` set to `value`; both are kept by reference. */
export function treeSet(tree: Tree, key: Buffer, value: Buffer): Tree {
  return set(tree, key, value, priorityOf(key));
}

export function treeDelete(tree: Tree, key: Buffer): Tree {
  if (tree === undefined) {
    return undefined;
  }
  const order = Buffer.compare(key, tree.key);
  if (order === 0) {
    return join(tree.left, tree.right);
  }
  if (order < 0) {
    const left = treeDelete(tree.left, key);
    return left === tree.left ? tree : node(tree, left, tree.right);
  }
  const right = treeDelete(tree.right, key);
  return right === tree.right ? tree : node(tree, tree.left, right);
}

/** Without the keys of [from, to). */
export function treeDeleteRange(tree: Tree, from: Buffer, to: Buffer): Tree {
  if (Buffer.compare(from, to) >= 0) {
    return tree;
  }
  const [below, rest] = split(tree, from);
  const [, above] = split(rest, to);
  return join(below, above);
}

/** The first node with a key at or after `from` (strictly after, if `exclusive`). */
export function treeCeiling(tree: Tree, from: Buffer, exclusive: boolean): Tree {
  let node = tree;
  let best: Tree;
  while (node !== undefined) {
    const order = Buffer.compare(from, node.key);
    if (order < 0 || (order === 0 && !exclusive)) {
      best = node;
      node = node.left;
    } else {
      node = node.right;
    }
  }
  return best;
}

function set(tree: Tree, key: Buffer, value: Buffer, priority: number): TreeNode {
  if (tree === undefined) {
    const bytes = key.length + value.length;
    return { key, value, priority, left: undefined, right: undefined, bytes };
  }
  const order = Buffer.compare(key, tree.key);
  if (order === 0) {
    return node({ key, value, priority }, tree.left, tree.right);
  }
  if (priority > tree.priority) {
    // A higher priority than the whole subtree: the key is not in it, and goes above it.
    const [below, above] = split(tree, key);
    return node({ key, value, priority }, below, above);
  }
  return order < 0
    ? node(tree, set(tree.left, key, value, priority), tree.right)
    : node(tree, tree.left, set(tree.right, key, value, priority));
}

/** The keys below `key`, and the others. */
function split(tree: Tree, key: Buffer): [Tree, Tree] {
  if (tree === undefined) {
    return [undefined, undefined];
  }
  if (Buffer.compare(tree.key, key) < 0) {
    const [below, above] = split(tree.right, key);
    return [node(tree, tree.left, below), above];
  }
  const [below, above] = split(tree.left, key);
  return [below, node(tree, above, tree.right)];
}

/** One tree of two, all keys of the first being below those of the second. */
function join(left: Tree, right: Tree): Tree {
  if (left === undefined) {
    return right;
  }
  if (right === undefined) {
    return left;
  }
  return left.priority >= right.priority
    ? node(left, left.left, join(left.right, right))
    : node(right, join(left, right.left), right.right);
}

type Content = Pick<TreeNode, 'key' | 'value' | 'priority'>;

function node({ key, value, priority }: Content, left: Tree, right: Tree): TreeNode {
  const bytes = key.length + value.length + (left?.bytes ?? 0) + (right?.bytes ?? 0);
  return { key, value, priority, left, right, bytes };
}

/** FNV-1a with a final mix, 32 bits. */
function priorityOf(key: Buffer): number {
  let hash = 0x811c9dc5;
  for (const byte of key) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}
