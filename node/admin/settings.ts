/** The calls about settings and the feature version. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Settings, SettingsSchema } from '../contract/gen/admin_pb.ts';
import { DynakvError } from '../lib/errors.ts';
import type { SettingsReply } from '../manager/admin-requests.ts';
import type { FinalizeMode, RebalanceMode, SettingsRecord } from '../manager/plan-records.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { fenceOf } from './manager-calls.ts';
import type { ManagerCalls } from './manager-calls.ts';

const rebalanceModes: readonly RebalanceMode[] = ['Auto', 'Manual', 'Paused'];
const finalizeModes: readonly FinalizeMode[] = ['Auto', 'Manual'];

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T | undefined {
  if (value === '') {
    return undefined;
  }
  const found = known.find((each) => each === value);
  if (found === undefined) {
    const message = `"${name}" must be one of ${known.join(', ')}: "${value}"`;
    throw new DynakvError('Refused', message, { reason: 'InvalidSettings' });
  }
  return found;
}

/** Fields at their zero value stay as they are. */
function changesOf(settings: Settings | undefined): Partial<Omit<SettingsRecord, 'revision'>> {
  const rebalanceMode = oneOf('rebalance_mode', settings?.rebalanceMode ?? '', rebalanceModes);
  const finalizeMode = oneOf('finalize_mode', settings?.finalizeMode ?? '', finalizeModes);
  const numbers = {
    concurrentMovesMax: settings?.concurrentMovesMax ?? 0,
    snapshotBytesPerSecond: settings?.snapshotBytesPerSecond ?? 0,
    deadNodeGraceMs: settings?.deadNodeGraceMs ?? 0,
  };
  return {
    ...(rebalanceMode === undefined ? {} : { rebalanceMode }),
    ...(finalizeMode === undefined ? {} : { finalizeMode }),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0)),
  };
}

async function read(calls: ManagerCalls): Promise<MessageInitShape<typeof SettingsSchema>> {
  const reply = await calls.read<SettingsReply>({ verb: 'settings' });
  return { ...reply.settings, replicationFactor: reply.replicationFactor };
}

export function settingsHandlers(calls: ManagerCalls): AdminHandlers {
  return {
    getSettings: async () => ({ settings: await read(calls) }),
    updateSettings: async ({ fence, settings, allowLowerReplication }) => {
      const replicationFactor = settings?.replicationFactor ?? 0;
      await calls.change({
        verb: 'change',
        command: {
          ...{ op: 'updateSettings', fence: fenceOf(fence), allowLowerReplication },
          settings: changesOf(settings),
          ...(replicationFactor === 0 ? {} : { replicationFactor }),
        },
      });
      return { settings: await read(calls) };
    },
    finalizeFeatureVersion: async ({ fence }) =>
      await calls.change({ verb: 'finalize', fence: fenceOf(fence) }),
  };
}
