/**
 * Which of the stored moves may begin now: pure. Repair before balance; one copy into a node and
 * one out of it at a time, a few into a zone; what copies nothing is cheap, but not free.
 */
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import type { MoveState } from './move-steps.ts';
import type { MoveRecord } from './plan-records.ts';

/** Changes of configuration and leadership alone under way at a time: each is a few round trips. */
const quickMovesMax = 16;

export interface RunningMove {
  readonly move: MoveRecord;
  readonly state: MoveState;
}

export interface ScheduleRequest {
  /** Stored and not under way. */
  readonly waiting: readonly MoveRecord[];
  readonly running: readonly RunningMove[];
  /** Copies into the nodes of one zone at a time. */
  readonly copiesMax: number;
  /** Groups where something else is under way. */
  readonly busyGroups: ReadonlySet<number>;
  /** By mode and by what people asked. */
  allows(move: MoveRecord): boolean;
  /** Who would send the copy; undefined: nobody leads the group. */
  sourceOf(groupId: number): NodeId | undefined;
  zoneOf(nodeId: NodeId): string | undefined;
}

/** Everything whose shard must be copied; learners of the system group are small. */
export function isCopy({ kind }: Pick<MoveRecord, 'kind'>): boolean {
  return kind === 'add' || kind === 'swap';
}

/** By rank: what goes first. */
export function compareMoves(a: MoveRecord, b: MoveRecord): number {
  const byHand = Number(b.manual === true) - Number(a.manual === true);
  return byHand || a.priority - b.priority || a.order - b.order;
}

function isCopying({ move, state }: RunningMove): boolean {
  return isCopy(move) && (state === 'adding' || state === 'copying');
}

/** Places that copies under way take. */
class Places {
  readonly #into = new Set<NodeId>();
  readonly #outOf = new Set<NodeId>();
  readonly #zones = new Map<string, number>();
  readonly #request: ScheduleRequest;
  quick = 0;

  constructor(request: ScheduleRequest) {
    this.#request = request;
    for (const running of request.running) {
      if (request.sourceOf(running.move.groupId) === undefined) {
        continue; // Nobody leads: nothing moves there, perhaps for good, and others need the place.
      }
      if (isCopying(running)) {
        this.#take(running.move);
      } else {
        this.quick += isCopy(running.move) ? 0 : 1;
      }
    }
  }

  #zone(nodeId: NodeId): string {
    return this.#request.zoneOf(nodeId) ?? '';
  }

  #take(move: MoveRecord): void {
    const source = this.#request.sourceOf(move.groupId);
    if (source !== undefined) {
      this.#outOf.add(source);
    }
    for (const nodeId of move.to) {
      const zone = this.#zone(nodeId);
      this.#into.add(nodeId);
      this.#zones.set(zone, (this.#zones.get(zone) ?? 0) + 1);
    }
  }

  /** Takes a place for the move, if there is one. */
  admit(move: MoveRecord): boolean {
    const source = this.#request.sourceOf(move.groupId);
    if (source === undefined) {
      return false;
    }
    if (!isCopy(move)) {
      this.quick += 1;
      return this.quick <= quickMovesMax;
    }
    const isFree =
      !this.#outOf.has(source) &&
      move.to.every(
        (nodeId) =>
          !this.#into.has(nodeId) &&
          (this.#zones.get(this.#zone(nodeId)) ?? 0) < this.#request.copiesMax,
      );
    if (isFree) {
      this.#take(move);
    }
    return isFree;
  }
}

/** The moves that may begin, best first. */
export function chooseMoves(request: ScheduleRequest): MoveRecord[] {
  const { running, busyGroups } = request;
  const waiting = request.waiting.filter((move) => request.allows(move)).sort(compareMoves);
  // What waits for a leader keeps nobody waiting: a lost group must not stop the others, and
  // perhaps needs them. The system group's members are no matter of rank.
  const ranked = [...waiting, ...running.map(({ move }) => move)].filter(
    ({ manual, groupId }) => manual !== true && request.sourceOf(groupId) !== undefined,
  );
  const first = Math.min(...ranked.map((move) => move.priority));
  const groups = new Set([...busyGroups, ...running.map(({ move }) => move.groupId)]);
  const places = new Places(request);
  const chosen: MoveRecord[] = [];
  for (const move of waiting) {
    const isTurn =
      move.manual === true || move.groupId === systemGroupId || move.priority === first;
    if (isTurn && !groups.has(move.groupId) && places.admit(move)) {
      groups.add(move.groupId);
      chosen.push(move);
    }
  }
  return chosen;
}
