/**
 * What every story of churn needs: the operator's desk, choices, and lines in the event log that
 * say how each wish was answered.
 */
import type { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { ChurnOptions } from './churn-options.ts';
import type { EventLog } from './event-log.ts';
import type { FaultInjector } from './fault-injector.ts';
import type { Answer, Change, OperatorDesk } from './operator-desk.ts';
import type { SwarmOptions } from './swarm-options.ts';

/** Beyond it a story is given up. */
const storyMaxMs = 60_000;
/** Who drains, in the catalog. */
export const owner = 'churn';

export interface ChurnParts {
  readonly cluster: SimCluster;
  readonly options: SwarmOptions;
  readonly churn: ChurnOptions;
  readonly random: Prng;
  readonly log: EventLog;
  readonly injector: FaultInjector;
  readonly desk: OperatorDesk;
}

export class StoryTeller {
  readonly parts: ChurnParts;
  readonly random: Prng;
  readonly desk: OperatorDesk;
  /** Stories end soon once it is false. */
  running = false;

  constructor(parts: ChurnParts) {
    this.parts = parts;
    this.random = parts.random;
    this.desk = parts.desk;
  }

  note(nodeId: NodeId, kind: string, facts: string, answer?: Answer): void {
    const ending =
      answer === undefined || answer.kind === 'done'
        ? ''
        : `: ${answer.kind === 'refused' ? answer.reason : answer.kind}`;
    this.parts.log.note(nodeId, kind, `${facts}${ending}`);
  }

  /** Asks for a change and notes how that went. */
  async change(command: Change, what: string): Promise<boolean> {
    const answer = await this.desk.change(command);
    this.note('nodeId' in command ? command.nodeId : 0, 'operator', what, answer);
    return answer.kind === 'done';
  }

  /** Waits while stories go on. */
  async until(holds: () => boolean, limitMs = storyMaxMs): Promise<boolean> {
    await this.desk.until(() => !this.running || holds(), limitMs);
    return holds();
  }

  pickActive(): NodeId | undefined {
    const active = this.desk.nodesIn('active');
    return active.length === 0 ? undefined : this.random.pick(active);
  }
}
