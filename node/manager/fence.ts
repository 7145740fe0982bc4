/**
 * Who may change something (design §6): a controller names its control epoch, and is refused once
 * another took control; everybody names the revision of the object that they saw, and is refused if
 * it changed meanwhile.
 */
import type { Catalog } from './catalog.ts';
import { refusal } from './system-decision.ts';

export interface Fence {
  /** 0: a person's tool, which controls nothing. */
  readonly controlEpoch: number;
  readonly expectedRevision: number;
}

export interface Fenced {
  /** Named in the refusal. */
  readonly what: string;
  readonly revision: number;
  /**
   * It is so already: a call that is repeated need not name the revision that it made itself. Who
   * has lost control hears of it all the same. Default false.
   */
  readonly isSo?: boolean;
}

/** Throws the refusal. */
export function checkFence({ control }: Catalog, fence: Fence, object: Fenced): void {
  const { controlEpoch, expectedRevision } = fence;
  if (controlEpoch !== 0 && controlEpoch !== control.epoch) {
    throw refusal(
      'ControlConflict',
      `Cannot change ${object.what} under control epoch ${controlEpoch}: epoch ${control.epoch} ` +
        `is held by "${control.holder}"`,
      { controlEpoch: control.epoch },
    );
  }
  if (expectedRevision !== object.revision && object.isSo !== true) {
    throw refusal(
      'RevisionConflict',
      `Cannot change ${object.what} as of revision ${expectedRevision}: it is at ` +
        `${object.revision} by now; look at it again`,
      { revision: object.revision },
    );
  }
}
