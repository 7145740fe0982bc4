/**
 * The commands of the system group, evaluated on its leader against the applied catalog: pure.
 * A command names rows to write, or an answer that changes nothing; a refusal is thrown.
 */
import type { Catalog } from './catalog.ts';
import { decideNode } from './node-commands.ts';
import type { NodeCommand } from './node-commands.ts';
import { decideNodeState } from './node-state-commands.ts';
import type { NodeStateCommand } from './node-state-commands.ts';
import { decidePlan } from './plan-commands.ts';
import type { PlanCommand } from './plan-commands.ts';
import { decideReplica } from './replica-commands.ts';
import type { ReplicaCommand } from './replica-commands.ts';
import { decideSettings } from './settings-commands.ts';
import type { SettingsCommand } from './settings-commands.ts';
import { refusal } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';
import { decideTable } from './table-commands.ts';
import type { TableCommand } from './table-commands.ts';

export type SystemCommand = (
  TableCommand | NodeCommand | NodeStateCommand | ReplicaCommand | PlanCommand | SettingsCommand
) & {
  /**
   * Of a manager: the term in which it led when it decided. Under another leader, or this one in a
   * later term, it was decided on something else: refused.
   */
  readonly asTerm?: number | undefined;
};

type Decider = (catalog: Catalog, command: never, facts: SystemFacts) => SystemDecision;

/** Who decides what. A command of a newer release has no decider here. */
const deciders: Readonly<Record<SystemCommand['op'], Decider>> = {
  createTable: decideTable,
  deleteTable: decideTable,
  describeTable: decideTable,
  listTables: decideTable,
  tableReady: decideTable,
  tableGone: decideTable,
  confirm: decideNode,
  join: decideNode,
  moved: decideNode,
  quarantine: decideNode,
  setNodeState: decideNodeState,
  removeNode: decideNodeState,
  evictLeaders: decideNodeState,
  maintenance: decideNodeState,
  nodeDead: decideNodeState,
  nodeReturned: decideNodeState,
  nodeDrained: decideNodeState,
  maintenanceOver: decideNodeState,
  announce: decideNodeState,
  giveReplica: decideReplica,
  forgetReplica: decideReplica,
  preferLeader: decideReplica,
  storePlan: decidePlan,
  beginMove: decidePlan,
  finishMove: decidePlan,
  dropMove: decidePlan,
  pausePlan: decidePlan,
  startPlan: decidePlan,
  cancelPlan: decidePlan,
  planCancelled: decidePlan,
  planEnded: decidePlan,
  addMove: decidePlan,
  acquireControl: decideSettings,
  updateSettings: decideSettings,
  raiseFeatureVersion: decideSettings,
};

/** Decides a command; the caller logs the writes, or releases the reply as a refusal (P4). */
export function decideSystem(
  catalog: Catalog,
  command: SystemCommand,
  facts: SystemFacts,
): SystemDecision {
  if (command.asTerm !== undefined && command.asTerm !== facts.term) {
    throw refusal(
      'OtherManager',
      `Cannot run it: it was decided in term ${command.asTerm}, this is term ${facts.term}`,
    );
  }
  if (!Object.hasOwn(deciders, command.op)) {
    throw refusal('UnknownCommand', `Cannot run the command ${JSON.stringify(command)}`);
  }
  return deciders[command.op](catalog, command as never, facts);
}
