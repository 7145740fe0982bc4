/** Liveness of pairs of nodes (protocols.md P15): when a peer counts as lost, and its frames. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isDynakvError } from '../lib/errors.ts';
import { Liveness } from './liveness.ts';
import { readLivenessFrame, writeLivenessFrame } from './liveness-frames.ts';
import type { LivenessFrame } from './liveness-frames.ts';

const silentTicks = 3;

function newLiveness(): { liveness: Liveness; lost: string[] } {
  const lost: string[] = [];
  const liveness = new Liveness(silentTicks, (nodeId, reason) => {
    lost.push(`${nodeId}:${reason}`);
  });
  return { liveness, lost };
}

function tick(liveness: Liveness, count: number): void {
  for (let i = 0; i < count; i++) {
    liveness.tick();
  }
}

const facts = {
  featureVersionMax: 3,
  freeBytes: 2 ** 41,
  usedBytes: 7,
  snapshotBytesSent: 0,
  stopping: true,
};

describe('Liveness', () => {
  test('a silent peer is lost once, after exactly the silent ticks', () => {
    const { liveness, lost } = newLiveness();
    liveness.up(2, 'boot-1');
    tick(liveness, silentTicks - 1);
    expect(lost).toEqual([]);
    expect(liveness.isLive(2)).toBe(true);
    tick(liveness, 5);
    expect(lost).toEqual(['2:silent']);
    expect(liveness.isLive(2)).toBe(false);
  });

  test('a beat keeps a peer alive, and brings a lost one back', () => {
    const { liveness, lost } = newLiveness();
    liveness.up(2, 'boot-1');
    for (let i = 0; i < 10; i++) {
      tick(liveness, silentTicks - 1);
      liveness.heard(2, 40);
    }
    expect(lost).toEqual([]);
    expect(liveness.get(2)?.clockOffsetMs).toBe(40);
    tick(liveness, silentTicks);
    liveness.heard(2, 0);
    expect(liveness.isLive(2)).toBe(true);
  });

  test('a refused connection is a loss at once, a broken one is not', () => {
    const { liveness, lost } = newLiveness();
    liveness.up(2, 'boot-1');
    liveness.down(2, false);
    expect(lost).toEqual([]);
    liveness.down(2, true);
    liveness.down(2, true);
    expect(lost).toEqual(['2:refused']);
  });

  test('another boot id is a loss though the peer is there; the same is none', () => {
    const { liveness, lost } = newLiveness();
    liveness.up(2, 'boot-1');
    liveness.down(2, false);
    liveness.up(2, 'boot-1');
    expect(lost).toEqual([]);
    liveness.up(2, 'boot-2');
    expect(lost).toEqual(['2:rebooted']);
    expect(liveness.isLive(2)).toBe(true);
  });

  test('a peer that was never there is neither live nor lost', () => {
    const { liveness, lost } = newLiveness();
    liveness.down(2, true);
    tick(liveness, silentTicks * 2);
    expect(lost).toEqual([]);
    expect(liveness.isLive(2)).toBe(false);
  });
});

describe('liveness frames', () => {
  const terms = { groupId: 7, term: 3, commit: 90_000 };

  test.each<LivenessFrame>([
    { kind: 'beat', wallMs: 1_700_000_000_123, facts },
    { kind: 'sleep', terms },
    { kind: 'agree', terms },
    { kind: 'wake', call: { groupId: 9, replicaId: 40_000 } },
  ])('$kind reads as it was written', (frame) => {
    expect(readLivenessFrame(writeLivenessFrame(frame))).toEqual(frame);
  });

  test('a clock before 1970 travels as zero', () => {
    const frame = writeLivenessFrame({ kind: 'beat', wallMs: -5.5, facts });
    expect(readLivenessFrame(frame)).toEqual({ kind: 'beat', wallMs: 0, facts });
  });

  test('random bytes give BadFrame only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          readLivenessFrame(Buffer.from(bytes));
        } catch (error) {
          expect(isDynakvError(error, 'BadFrame')).toBe(true);
        }
      }),
    );
  });
});
