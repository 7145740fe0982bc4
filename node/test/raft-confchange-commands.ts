/** The commands of configuration traces: `simple`, `enter-joint`, `leave-joint`. */
import { parseConfChanges } from '../raft/conf-change.ts';
import { enterJoint, isRefusal, leaveJoint, simpleChange } from '../raft/conf-changer.ts';
import type { ConfChangeRefusal, NextGroup } from '../raft/conf-changer.ts';
import { describeGroupConfig, describeMembers } from '../raft/describe.ts';
import { Tracker } from '../raft/tracker.ts';
import { valueOf } from './datadriven.ts';
import type { Directive } from './datadriven.ts';

const inflightMessagesMax = 10;

export class ConfChangeTrace {
  readonly #tracker = new Tracker(inflightMessagesMax, Infinity);
  /** Grows with every command, so that the progress shows when a member was added. */
  #lastIndex = 0;

  /** Handles one directive. */
  run(directive: Directive): string {
    const lastIndex = this.#lastIndex;
    this.#lastIndex += 1;
    const changes = parseConfChanges(directive.input);
    if (typeof changes === 'string') {
      return changes;
    }
    let next: NextGroup | ConfChangeRefusal;
    switch (directive.command) {
      case 'simple':
        next = simpleChange(this.#tracker, lastIndex, changes);
        break;
      case 'enter-joint': {
        const autoLeave = valueOf(directive, 'autoleave') === 'true';
        next = enterJoint(this.#tracker, lastIndex, autoLeave, changes);
        break;
      }
      case 'leave-joint':
        next =
          changes.length > 0
            ? { refused: 'this command takes no input' }
            : leaveJoint(this.#tracker, lastIndex);
        break;
      default:
        return 'unknown command';
    }
    if (isRefusal(next)) {
      return `${next.refused}\n`;
    }
    this.#tracker.switchTo(next.config, next.members);
    return `${describeGroupConfig(next.config)}\n${describeMembers(next.members)}`;
  }
}
