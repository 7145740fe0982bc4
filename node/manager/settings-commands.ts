/** The system group's commands about settings, control and the feature version: pure. */
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import { checkFence } from './fence.ts';
import type { Fence } from './fence.ts';
import type { ControlRecord, SettingsRecord } from './plan-records.ts';
import { refusal, unchanged } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

/** Bounds of the settings, with what they are bounded for. */
export const settingsBounds = {
  /** More copies at a time than this only take bandwidth from each other. */
  concurrentMovesMax: { min: 1, max: 64 },
  /** Slower, and a shard changes faster than it is copied. */
  snapshotBytesPerSecond: { min: 64 * 1024, max: 16 * 1024 ** 3 },
  /** Less is an election, not a loss; more is longer than anyone waits for a copy. */
  deadNodeGraceMs: { min: 2_000, max: 30 * 24 * 3_600_000 },
} as const;

export const replicationFactors: readonly number[] = [1, 3, 5, 7];

export type SettingsCommand =
  | { readonly op: 'acquireControl'; readonly holder: string }
  | {
      readonly op: 'updateSettings';
      readonly fence: Fence;
      readonly settings: Partial<Omit<SettingsRecord, 'revision'>>;
      readonly replicationFactor?: number | undefined;
      readonly allowLowerReplication: boolean;
    }
  /** Every shard has the version in its log. */
  | { readonly op: 'raiseFeatureVersion'; readonly version: number };

function acquire(
  catalog: Catalog,
  { holder }: SettingsCommand & { op: 'acquireControl' },
  { nowMs }: SystemFacts,
): SystemDecision {
  const epoch = catalog.control.epoch + 1;
  const control: ControlRecord = { epoch, holder, acquiredAtMs: nowMs };
  return {
    writes: [catalogRow(catalogKeys.control, control)],
    reply: { controlEpoch: epoch },
  };
}

function checkSettings(settings: Partial<Omit<SettingsRecord, 'revision'>>): void {
  for (const [name, { min, max }] of Object.entries(settingsBounds)) {
    const value = settings[name as keyof typeof settingsBounds];
    if (value !== undefined && !(Number.isFinite(value) && value >= min && value <= max)) {
      throw refusal('InvalidSettings', `"${name}" must be ${min} … ${max}: ${value}`);
    }
  }
}

function update(
  catalog: Catalog,
  command: SettingsCommand & { op: 'updateSettings' },
): SystemDecision {
  const { settings, cluster } = catalog;
  checkSettings(command.settings);
  const { replicationFactor = cluster.replicationFactor } = command;
  if (!replicationFactors.includes(replicationFactor)) {
    throw refusal(
      'InvalidSettings',
      `"replicationFactor" must be one of ${replicationFactors.join(', ')}: ${replicationFactor}`,
    );
  }
  if (replicationFactor < cluster.replicationFactor && !command.allowLowerReplication) {
    throw refusal(
      'WouldLowerReplication',
      `Cannot lower the copies of each shard from ${cluster.replicationFactor} to ` +
        `${replicationFactor}: it must be allowed explicitly`,
    );
  }
  const next: SettingsRecord = {
    ...settings,
    ...command.settings,
    revision: settings.revision + 1,
  };
  const changed =
    replicationFactor !== cluster.replicationFactor ||
    JSON.stringify({ ...next, revision: settings.revision }) !== JSON.stringify(settings);
  const { revision } = settings;
  checkFence(catalog, command.fence, { what: 'the settings', revision, isSo: !changed });
  if (!changed) {
    return unchanged({ revision, changed: false });
  }
  const writes = [catalogRow(catalogKeys.settings, next)];
  if (replicationFactor !== cluster.replicationFactor) {
    // Lowering is explicit, and takes effect at once; raising, as nodes and copies are there (P17).
    const effectiveFactor = Math.min(cluster.effectiveFactor, replicationFactor);
    writes.push(
      catalogRow(catalogKeys.cluster, { ...cluster, replicationFactor, effectiveFactor }),
    );
  }
  return { writes, reply: { revision: next.revision, changed: true } };
}

function raise(
  { cluster, members }: Catalog,
  { version }: SettingsCommand & { op: 'raiseFeatureVersion' },
): SystemDecision {
  if (version <= cluster.featureVersion) {
    return unchanged({ changed: false });
  }
  // A node may have joined since its manager looked.
  const behind = members.find((node) => (node.featureVersionMax ?? 0) < version);
  if (behind !== undefined) {
    throw refusal(
      'FeatureVersionUnknown',
      `Cannot raise the feature version to ${version}: node ${behind.nodeId} knows up to ` +
        `${behind.featureVersionMax ?? cluster.featureVersion}`,
      { node: behind.nodeId, version },
    );
  }
  const row = catalogRow(catalogKeys.cluster, { ...cluster, featureVersion: version });
  return { writes: [row], reply: { changed: true } };
}

export function decideSettings(
  catalog: Catalog,
  command: SettingsCommand,
  facts: SystemFacts,
): SystemDecision {
  switch (command.op) {
    case 'acquireControl':
      return acquire(catalog, command, facts);
    case 'updateSettings':
      return update(catalog, command);
    case 'raiseFeatureVersion':
      return raise(catalog, command);
  }
}
