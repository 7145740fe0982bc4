/** What a chaos run tells the shim of a node, through its control file. */

export interface ShimControl {
  /** How far the wall clock is off. */
  readonly wallOffsetMs: number;
  /** Refuse room, where no small disk can be mounted. */
  readonly diskFull: boolean;
  /** What the log calls durable is lost in a power loss. */
  readonly lies?: boolean;
}

export const calmControl: ShimControl = { wallOffsetMs: 0, diskFull: false };
