/** Flaws of the manager and of what the catalog says: tables, replica ids, copies, nodes. */
import type { Flaw } from './flaw.ts';

const fanout = { file: 'node/manager/table-fanout.ts', storm: 'schema' } as const;

export const managerFlaws: readonly Flaw[] = [
  {
    name: 'late-schema-entry-taken',
    rule: 'P18: a shard ignores schema entries not above what it has',
    file: 'node/executor/executor.ts',
    storm: 'schema',
    before: 'if (known !== undefined && known.version >= row.version) {',
    after: 'if (known !== undefined && known.version === row.version) {',
    seed: 1,
  },
  {
    name: 'drop-without-tombstone',
    rule: 'P18: a dropped table leaves its tombstone',
    file: 'node/executor/executor.ts',
    storm: 'schema',
    before: 'this.#propose([{ key, value: encodeSchemaRow(row) }], index, done, reply);',
    after: `const value = row.state === 'live' ? encodeSchemaRow(row) : undefined;
    this.#propose([{ key, value }], index, done, reply);`,
    seed: 1,
  },
  {
    name: 'active-before-all-shards',
    rule: 'P18: ACTIVE, or gone, only after all shards have the entry',
    ...fanout,
    before: '    await Promise.all(\n',
    after: '    await Promise.race(\n',
    seed: 1,
  },
  {
    name: 'fan-out-left-half-done',
    rule: 'P18: a new system leader finishes a fan-out found half done',
    ...fanout,
    before: '    this.#running.clear();\n    this.#look();\n',
    after: `    for (const { tableId, schemaVersion } of this.#parts.catalog.tables.values()) {
      this.#running.add(\`\${tableId}.\${schemaVersion}\`);
    }
`,
    seed: 1,
  },
  {
    name: 'table-id-reused',
    rule: 'P18: table ids are never reused',
    file: 'node/manager/table-commands.ts',
    storm: 'schema',
    before: 'nextTableId: cluster.nextTableId + 1 }',
    after: 'nextTableId: cluster.nextTableId }',
    seed: 1,
  },
  {
    name: 'replica-deleted-on-absence',
    rule: 'P16: absence from a configuration is no evidence; only the removed set is',
    file: 'node/manager/local-replicas.ts',
    storm: 'member',
    before: 'if (hasId(record.removed, held.replicaId)) {',
    after: 'if (hasId(record.removed, held.replicaId) || !held.isMember) {',
    seed: 2,
  },
  {
    name: 'replica-id-reused',
    rule: 'P11, P16: a replica id is given out once',
    file: 'node/manager/replica-commands.ts',
    storm: 'member',
    before: '  const replicaId = group.nextReplicaId;\n',
    after: '  const replicaId = Math.max(0, ...group.replicas.map((one) => one.replicaId)) + 1;\n',
    seed: 7,
  },
  {
    name: 'removed-with-copies',
    rule: 'P16, P17: a node is removed only when no shard lists a replica on it',
    file: 'node/manager/node-state-commands.ts',
    storm: 'member',
    before: '  if (held.length > 0) {',
    after: '  if (held.length < 0) {',
    seed: 20,
  },
  {
    name: 'copies-lowered-unasked',
    rule: 'P17: lowering the copies is explicit',
    file: 'node/manager/settings-commands.ts',
    storm: 'member',
    before:
      'if (replicationFactor < cluster.replicationFactor && !command.allowLowerReplication) {',
    after: 'if (replicationFactor < 1 && !command.allowLowerReplication) {',
    seed: 1,
  },
  {
    name: 'copies-follow-the-nodes',
    rule: 'P17: the copies of each shard only rise by themselves',
    file: 'node/shards/node-roster.ts',
    storm: 'member',
    before: `  const wanted = effectiveReplication(replicationFactor, Math.max(receivers, reached));
  return Math.max(effectiveFactor, wanted);`,
    after:
      '  return effectiveReplication(replicationFactor, receivers + 0 * (reached + effectiveFactor));',
    also: [
      {
        file: 'node/manager/shard-manager.ts',
        before:
          'if (add.length + drop.length === 0 && effectiveFactor <= cluster.effectiveFactor) {',
        after:
          'if (add.length + drop.length === 0 && effectiveFactor === cluster.effectiveFactor) {',
      },
      {
        file: 'node/manager/plan-commands.ts',
        before: 'if (isWanted && command.effectiveFactor > cluster.effectiveFactor) {',
        after: 'if (isWanted && command.effectiveFactor !== cluster.effectiveFactor) {',
      },
    ],
    seed: 2,
  },
  {
    name: 'silence-by-wall-clock',
    rule: 'P6: a clock that jumps expires nothing',
    file: 'node/manager/node-watch.ts',
    storm: 'member',
    before: "if (node.state === 'active' && this.#isDead(node, nowMs)) {",
    after: `const silence = this.#silent.get(nodeId);
    const byWallMs = wallMs - (silence?.sinceWallMs ?? 0) + (silence?.sinceMs ?? 0);
    if (node.state === 'active' && this.#isDead(node, byWallMs)) {`,
    seed: 3,
  },
  {
    name: 'two-moves-of-a-group',
    rule: 'P16: a group has one move under way; a loop ends with the move that it began',
    file: 'node/manager/move-runner.ts',
    storm: 'paper',
    before: 'return this.#term === term && this.#active.get(active.id) === active;',
    after: 'return this.#term === term && this.#parts.catalog.moves.has(active.id);',
    also: [
      {
        file: 'node/manager/plan-commands.ts',
        before: '  checkAlone(catalog, move);\n',
        after: '  void checkAlone;\n',
      },
    ],
    seed: 187,
  },
  {
    name: 'voters-planned-on-a-change',
    rule: 'P16, P17: voters of the system group are chosen for one change at a time',
    file: 'node/shards/planner.ts',
    storm: 'paper',
    before: 'new SystemPlanner(roster, system, underWay).plan()',
    after: 'new SystemPlanner(roster, system, underWay && undefined).plan()',
    also: [
      {
        file: 'node/manager/move-steps.ts',
        before: '  if (!isWhole(look, rising, falling)) {',
        after: '  if (!isWhole(look, rising, falling) && look.facts.term < 0) {',
      },
    ],
    seed: 54,
  },
];
