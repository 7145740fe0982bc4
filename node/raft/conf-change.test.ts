import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  confChange,
  confChangeOfEntry,
  confChangesText,
  ConfTransition,
  encodeConfChange,
  isLeaveJoint,
  jointEntry,
  leaveJointChange,
  parseConfChanges,
} from './conf-change.ts';
import type { ConfChange, ConfChangeSingle, ConfChangeType } from './conf-change.ts';
import {
  changeGroup,
  enterJoint,
  isRefusal,
  leaveJoint,
  mustChange,
  restoreGroup,
  sameConfState,
  simpleChange,
} from './conf-changer.ts';
import { confChangeEntry } from './proposal.ts';
import { Tracker } from './tracker.ts';

const single = fc.record({
  type: fc.integer({ min: 0, max: 3 }) as fc.Arbitrary<ConfChangeType>,
  id: fc.integer({ min: 1, max: 6 }),
});
const changes = fc.array(single, { maxLength: 5 });

/** A group of voter 1, taken through all changes that it admits. */
function trackerAfter(list: readonly ConfChangeSingle[]): Tracker {
  const tracker = new Tracker(10, Infinity);
  for (const change of [{ type: 0, id: 1 } as const, ...list]) {
    const next = simpleChange(tracker, 10, [change]);
    if (!isRefusal(next)) {
      tracker.switchTo(next.config, next.members);
    }
  }
  return tracker;
}

describe('ConfChange', () => {
  test('an entry gives back what was encoded', () => {
    const any = fc.record({
      version: fc.constant(2 as const),
      transition: fc.integer({ min: 0, max: 2 }) as fc.Arbitrary<ConfChange['transition']>,
      changes,
      context: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(any, (change) => {
        expect(confChangeOfEntry(confChangeEntry(change))).toEqual(change);
      }),
    );
  });

  test('leaving a joint configuration takes no bytes', () => {
    expect(encodeConfChange(leaveJointChange).length).toBe(0);
    expect(isLeaveJoint(leaveJointChange)).toBe(true);
  });

  test('bytes of another format are refused', () => {
    const entry = confChangeEntry(confChange([{ type: 0, id: 1 }]));
    for (const data of [Buffer.from([9, 0, 0, 0]), entry.data.subarray(0, -2), Buffer.from([1])]) {
      expect(() => confChangeOfEntry({ ...entry, data })).toThrow('Cannot read');
    }
  });

  test('parseConfChanges() reverses confChangesText()', () => {
    fc.assert(
      fc.property(changes, (list) => {
        expect(parseConfChanges(confChangesText(list))).toEqual(list);
      }),
    );
    expect(parseConfChanges('v')).toBe('unknown token v');
  });

  test('jointEntry() asks for a joint configuration when it must or is told to', () => {
    const one = [{ type: 0, id: 1 }] as const;
    expect(jointEntry(confChange(one))).toBe('none');
    expect(jointEntry(confChange([...one, ...one]))).toBe('autoLeave');
    expect(jointEntry(confChange(one, ConfTransition.jointImplicit))).toBe('autoLeave');
    expect(jointEntry(confChange(one, ConfTransition.jointExplicit))).toBe('explicitLeave');
  });
});

describe('conf-changer', () => {
  test('through a joint configuration or one by one, the result is the same', () => {
    fc.assert(
      fc.property(changes, changes, (setup, list) => {
        const simple = trackerAfter(setup);
        const joint = trackerAfter(setup);
        const entered = enterJoint(joint, 10, false, list);
        if (isRefusal(entered)) {
          return;
        }
        joint.switchTo(entered.config, entered.members);
        const left = mustChange(leaveJoint(joint, 10));
        for (const change of list) {
          const next = simpleChange(simple, 10, [change]);
          // On its way the simple one may run out of voters, where the joint one does not.
          fc.pre(!isRefusal(next));
          const { config, members } = mustChange(next);
          simple.switchTo(config, members);
        }
        expect(left.config).toEqual(simple.config);
      }),
    );
  });

  test('a refused or committed change leaves the tracker as it was', () => {
    fc.assert(
      fc.property(changes, changes, (setup, list) => {
        const tracker = trackerAfter(setup);
        const before = structuredClone(tracker.config);
        changeGroup(tracker, 10, confChange(list));
        expect(tracker.config).toEqual(before);
      }),
    );
  });

  test('restoreGroup() brings back any configuration, joint ones too', () => {
    fc.assert(
      fc.property(changes, changes, fc.boolean(), (setup, list, autoLeave) => {
        const tracker = trackerAfter(setup);
        const next = enterJoint(tracker, 10, autoLeave, list);
        if (!isRefusal(next)) {
          tracker.switchTo(next.config, next.members);
        }
        const state = tracker.confState();
        const restored = new Tracker(10, Infinity);
        restoreGroup(restored, 10, state);
        expect(sameConfState(restored.confState(), state)).toBe(true);
      }),
    );
  });
});
