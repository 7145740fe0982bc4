/**
 * How the admin calls reach the node that manages: through the router, as any command of the system
 * group.
 */
import { DynakvError } from '../lib/errors.ts';
import type { Fence as FenceMessage } from '../contract/gen/admin_pb.ts';
import type { AdminRequest } from '../manager/admin-requests.ts';
import type { Fence } from '../manager/fence.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { SystemCommand } from '../manager/system-commands.ts';
import type { Clock } from '../sys/clock.ts';
import type { NodeControl } from './node-control.ts';

/** A failover of the system group included. */
const changeMs = 20_000;
const readMs = 8_000;

/** An admin request without what all have in common. */
type Without<T> = T extends unknown ? Omit<T, 'op'> : never;

export class ManagerCalls {
  readonly #control: NodeControl;
  readonly #clock: Clock;

  constructor(control: NodeControl, clock: Clock) {
    this.#control = control;
    this.#clock = clock;
  }

  /** This node as a member; refused while it is none. */
  get core(): NodeCore {
    const { core } = this.#control;
    if (core === undefined) {
      throw new DynakvError('Refused', 'This node belongs to no cluster yet: create one by Init', {
        reason: 'NotInitialized',
      });
    }
    return core;
  }

  /** Changes nothing, and may be asked again. */
  async read<T>(request: Without<AdminRequest>, limitMs = readMs): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + limitMs;
    return (await this.core.router.system({ op: 'admin', ...request }, deadlineMs, true)) as T;
  }

  async change<T>(request: Without<AdminRequest>): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + changeMs;
    return (await this.core.router.system({ op: 'admin', ...request }, deadlineMs)) as T;
  }

  /** A command of the catalog alone. */
  async command<T>(command: SystemCommand): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + changeMs;
    return (await this.core.router.system(command, deadlineMs)) as T;
  }
}

/** Absent: nobody in control, nothing seen. */
export function fenceOf(fence: FenceMessage | undefined): Fence {
  return {
    controlEpoch: fence?.controlEpoch ?? 0,
    expectedRevision: fence?.expectedRevision ?? 0,
  };
}
