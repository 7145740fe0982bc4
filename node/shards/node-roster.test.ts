// What each state of a node allows, and the factor (protocols.md P17), row by row.
import { describe, expect, test } from '@jest/globals';
import type { MemberState, ViewNode } from './cluster-view.ts';
import { NodeRoster } from './node-roster.ts';
import { planShards } from './planner.ts';
import { clusterOf, flatNodes, loadsOf, withNode, withState } from './test-cluster.ts';

const five = clusterOf({ nodes: flatNodes(5), shards: 4 });

function rosterWith(node: Partial<ViewNode>): NodeRoster {
  const nodes = five.nodes.map((each) => (each.nodeId === 2 ? { ...each, ...node } : each));
  return new NodeRoster({ ...five, nodes });
}

describe('NodeRoster', () => {
  test.each<[MemberState, boolean, string]>([
    ['joining', true, 'alive'],
    ['active', true, 'receives holds alive leads prefers'],
    ['active', false, 'holds prefers'],
    ['evictingLeaders', true, 'holds alive prefers'],
    ['maintenance', true, 'holds alive prefers'],
    ['maintenance', false, 'holds prefers'],
    ['draining', true, 'alive'],
    ['drained', true, 'alive'],
    ['dead', true, 'lost'],
    ['removed', true, 'lost'],
  ])('a node that is %s, live %j: %s', (state, live, expected) => {
    const roster = rosterWith({ state, live });
    const words = [
      roster.receives(1) ? 'receives' : '',
      roster.holds(1) ? 'holds' : '',
      roster.isAlive(1) ? 'alive' : '',
      roster.leads(1) ? 'leads' : '',
      roster.prefers(1) ? 'prefers' : '',
      roster.isLost(1) ? 'lost' : '',
    ];
    expect(words.filter((word) => word !== '').join(' ')).toBe(expected);
  });

  test('a node that is not steady keeps what it has, leaderships too, and gets nothing', () => {
    const roster = rosterWith({ state: 'active', steady: false });
    expect(roster.standing(1)).toBe('frozen');
    expect([roster.receives(1), roster.holds(1), roster.isAlive(1)]).toEqual([false, true, true]);
    expect([roster.leads(1), roster.prefers(1)]).toEqual([true, true]);
    expect(rosterWith({ state: 'maintenance', steady: false }).leads(1)).toBe(false);
  });

  test('the factor rises with the nodes that are there, to odd numbers, and never falls', () => {
    const factorOf = (nodes: number, target: number, effectiveFactor: number): number =>
      new NodeRoster({
        nodes: flatNodes(nodes).map((node) => ({ ...node, state: 'active' })),
        groups: [],
        ...{ replicationFactor: target, effectiveFactor },
      }).factor;
    expect([1, 2, 3, 4, 5, 6].map((nodes) => factorOf(nodes, 5, 1))).toEqual([1, 1, 3, 3, 5, 5]);
    expect([1, 2, 3, 4, 5, 6].map((nodes) => factorOf(nodes, 3, 1))).toEqual([1, 1, 3, 3, 3, 3]);
    expect([1, 2, 3, 4].map((nodes) => factorOf(nodes, 3, 3))).toEqual([3, 3, 3, 3]);
  });

  test('the factor does not fall back when a rise was begun but not stored', () => {
    const begun = { ...five, effectiveFactor: 1 };
    const left = withState(withState(withState(begun, 1, 'dead'), 2, 'dead'), 3, 'dead');
    expect(new NodeRoster(left).factor).toBe(3);
  });

  test('draining nodes stay, those that hold most first, until each copy has a node', () => {
    const draining = [1, 3, 5].reduce((view, id) => withState(view, id, 'draining'), five);
    const loads = loadsOf(five);
    expect([1, 3, 5].map((nodeId) => loads.get(nodeId))).toEqual([2, 3, 2]);
    const roster = new NodeRoster(draining);
    expect(roster.keptDrains).toEqual([3]);
    expect(roster.standing(2)).toBe('frozen');
    expect(roster.prefers(2)).toBe(false);
    expect(roster.standing(0)).toBe('leaving');
  });

  test('of draining nodes, those that answer stay, and take what is lost elsewhere', () => {
    const draining = [1, 3, 5].reduce((view, id) => withState(view, id, 'draining'), five);
    const nodes = draining.nodes.map((node) =>
      node.nodeId === 3 ? { ...node, live: false } : node,
    );
    const roster = new NodeRoster({ ...draining, nodes });
    expect(roster.keptDrains).toEqual([5]);
    expect([0, 2, 4].map((i) => roster.receives(i))).toEqual([false, false, true]);
    const { moves } = planShards({ view: { ...draining, nodes } });
    const lost = five.groups.filter(({ replicas }) => replicas.some(({ nodeId }) => nodeId === 3));
    const replaced = moves.filter(({ from }) => from.includes(3)).map(({ groupId }) => groupId);
    expect(new Set(replaced)).toEqual(new Set(lost.map(({ groupId }) => groupId)));
  });

  test('a node that only a group names is a removed one', () => {
    const roster = new NodeRoster({ ...five, nodes: five.nodes.slice(1) });
    expect(roster.node(0)).toEqual({ nodeId: 1, state: 'removed' });
    expect(roster.size).toBe(5);
  });

  test('room is what is free above the reserve', () => {
    const limits = { freeBytesMin: 1_000 };
    const nodes = five.nodes.map((node) => ({ ...node, freeBytes: node.nodeId * 800 }));
    const roster = new NodeRoster({ ...five, nodes, limits });
    expect([0, 1].map((i) => roster.roomBytes(i))).toEqual([-200, 600]);
    expect(new NodeRoster(five).roomBytes(0)).toBe(Infinity);
  });

  test('refuses views that contradict themselves', () => {
    expect(() => new NodeRoster(withNode(five, { nodeId: 3 }))).toThrow('Node ids must differ: 3');
    expect(() => rosterWith({ weight: 0 })).toThrow('node 2 has 0');
    expect(() => new NodeRoster({ ...five, effectiveFactor: 0 })).toThrow('at least one: 0');
  });
});
