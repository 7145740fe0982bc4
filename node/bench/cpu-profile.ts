/**
 * A V8 CPU profile as a tree of time: what DevTools' `Profiler.stop` returns, with each sample's
 * time given to its frame and all frames above. Equal frames under one parent are merged, and so
 * is direct recursion's noise of differing lines. Pure.
 */

/** The part of the DevTools protocol's `Profiler.Profile` that is used. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** Whose code a frame is; decides its colour. */
export type FrameKind = 'own' | 'package' | 'node' | 'engine';

export interface Frame {
  readonly name: string;
  /** File and line, or a package's or module's name. */
  readonly place: string;
  readonly kind: FrameKind;
  /** Time in this frame and below, microseconds. */
  readonly total: number;
  readonly self: number;
  /** Longest first. */
  readonly children: readonly Frame[];
}

export interface FlameTree {
  /** Everything but idle time. */
  readonly root: Frame;
  readonly idleMicros: number;
}

interface Building {
  name: string;
  place: string;
  kind: FrameKind;
  self: number;
  children: Map<string, Building>;
}

/** Frames under this share of all busy time are left out: nobody could see them. */
const shareMin = 0.000_5;

export function buildFlameTree(profile: CpuProfile): FlameTree {
  const selfOf = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    const micros = Math.max(0, profile.timeDeltas[index] ?? 0);
    selfOf.set(id, (selfOf.get(id) ?? 0) + micros);
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const first = profile.nodes[0];
  const root = newFrame('all', '', 'engine');
  let idleMicros = 0;
  const todo = (first?.children ?? []).map((id) => ({ id, parent: root }));
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const node = nodes.get(next.id);
    if (node === undefined) {
      continue;
    }
    const self = selfOf.get(node.id) ?? 0;
    if (node.callFrame.functionName === '(idle)') {
      idleMicros += self;
      continue;
    }
    const frame = childOf(next.parent, node.callFrame);
    frame.self += self;
    for (const id of node.children ?? []) {
      todo.push({ id, parent: frame });
    }
  }
  const total = sumOf(root);
  return { root: finish(root, total * shareMin), idleMicros };
}

function newFrame(name: string, place: string, kind: FrameKind): Building {
  return { name, place, kind, self: 0, children: new Map() };
}

function childOf(
  parent: Building,
  { functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'],
): Building {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const { place, kind } = placeOf(url, lineNumber);
  const key = `${name} ${place}`;
  let child = parent.children.get(key);
  if (child === undefined) {
    child = newFrame(name, place, kind);
    parent.children.set(key, child);
  }
  return child;
}

function placeOf(url: string, lineNumber: number): { place: string; kind: FrameKind } {
  if (url === '') {
    return { place: '', kind: 'engine' };
  }
  if (url.startsWith('node:')) {
    return { place: `${url}:${lineNumber + 1}`, kind: 'node' };
  }
  const inPackage = url.lastIndexOf('/node_modules/');
  if (inPackage >= 0) {
    return { place: url.slice(inPackage + '/node_modules/'.length), kind: 'package' };
  }
  const inOwn = url.lastIndexOf('/node/');
  return { place: `${url.slice(inOwn + 1)}:${lineNumber + 1}`, kind: 'own' };
}

function sumOf(frame: Building): number {
  let sum = 0;
  const todo = [frame];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    sum += next.self;
    todo.push(...next.children.values());
  }
  return sum;
}

function finish(frame: Building, totalMin: number): Frame {
  const children = [...frame.children.values()].map((child) => finish(child, totalMin));
  const total = children.reduce((sum, child) => sum + child.total, frame.self);
  return {
    name: frame.name,
    place: frame.place,
    kind: frame.kind,
    total,
    self: frame.self,
    children: children.filter((child) => child.total >= totalMin).sort((a, b) => b.total - a.total),
  };
}

/** The frames with the most time of their own, wherever they were called from. */
export function heaviestFrames(root: Frame, count: number): readonly Frame[] {
  const bySelf = new Map<string, { frame: Frame; self: number }>();
  const todo = [root];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const key = `${next.name} ${next.place}`;
    const entry = bySelf.get(key) ?? { frame: next, self: 0 };
    entry.self += next.self;
    bySelf.set(key, entry);
    todo.push(...next.children);
  }
  return [...bySelf.values()]
    .sort((a, b) => b.self - a.self)
    .slice(0, count)
    .map(({ frame, self }) => ({ ...frame, self, children: [] }));
}
