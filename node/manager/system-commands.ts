/**
 * The commands of the system group, evaluated on its leader against the applied catalog: pure.
 * A command names rows to write, or an answer that changes nothing; a refusal is thrown.
 */
import type { Catalog } from './catalog.ts';
import { decideNode } from './node-commands.ts';
import type { NodeCommand } from './node-commands.ts';
import { decideReplica } from './replica-commands.ts';
import type { ReplicaCommand } from './replica-commands.ts';
import { refusal } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';
import { decideTable } from './table-commands.ts';
import type { TableCommand } from './table-commands.ts';

export type SystemCommand = (TableCommand | NodeCommand | ReplicaCommand) & {
  /**
   * Of a manager: the term in which it led when it decided. Under another leader, or this one in a
   * later term, it was decided on something else: refused.
   */
  readonly asTerm?: number | undefined;
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
  switch (command.op) {
    case 'createTable':
    case 'deleteTable':
    case 'describeTable':
    case 'listTables':
    case 'tableReady':
    case 'tableGone':
      return decideTable(catalog, command);
    case 'join':
    case 'moved':
    case 'quarantine':
      return decideNode(catalog, command, facts);
    case 'giveReplica':
    case 'forgetReplica':
      return decideReplica(catalog, command);
    default:
      throw refusal('UnknownCommand', `Cannot run the command ${JSON.stringify(command)}`);
  }
}
