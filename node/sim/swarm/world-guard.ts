/**
 * While a seed runs, the outside world is out of reach: real timers, clocks and random sources
 * throw, wherever they are called from. A run that touched one would not replay.
 *
 * Invariant: `forbidWorld` and the function it returns come in pairs; what was there before is
 * there again.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';

/** Thrown where code under test reaches for the world. */
export class DeterminismViolation extends Error {
  override readonly name = 'DeterminismViolation';

  constructor(what: string) {
    super(`Code in the simulation must not use ${what}: it gets its clock, timers and random`);
  }
}

type Holder = Record<string, unknown>;

function forbidden(what: string): () => never {
  return () => {
    throw new DeterminismViolation(what);
  };
}

/** Objects and the members of them that stand for the world. */
function places(): readonly (readonly [string, Holder, readonly string[]])[] {
  const world = globalThis as unknown as Holder;
  const timerNames = ['setTimeout', 'setInterval', 'setImmediate'];
  return [
    ['globalThis', world, timerNames],
    ['Date', Date as unknown as Holder, ['now']],
    ['performance', performance as unknown as Holder, ['now']],
    ['Math', Math as unknown as Holder, ['random']],
    ['node:timers', timers, timerNames],
    ['node:timers/promises', timersPromises, ['setTimeout', 'setImmediate']],
    ['node:crypto', crypto, ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync']],
    ['process', process as unknown as Holder, ['hrtime']],
  ];
}

/** From now on the world throws; returns what lets it in again. */
export function forbidWorld(): () => void {
  const undo: (() => void)[] = [];
  for (const [place, holder, names] of places()) {
    for (const name of names) {
      const before = Object.getOwnPropertyDescriptor(holder, name);
      Object.defineProperty(holder, name, {
        configurable: true,
        writable: true,
        value: forbidden(`${place}.${name}`),
      });
      undo.push(() => {
        if (before === undefined) {
          Reflect.deleteProperty(holder, name); // It was inherited.
        } else {
          Object.defineProperty(holder, name, before);
        }
      });
    }
  }
  undo.push(replaceDate());
  syncBuiltinESMExports();
  return () => {
    for (const restore of undo.reverse()) {
      restore();
    }
    syncBuiltinESMExports();
  };
}

/** `new Date()` reads the clock, `new Date(ms)` does not. */
function replaceDate(): () => void {
  const RealDate = globalThis.Date;
  const guarded = new Proxy(RealDate, {
    construct(target, args: unknown[]): object {
      if (args.length === 0) {
        throw new DeterminismViolation('new Date()');
      }
      return Reflect.construct(target, args) as object;
    },
  });
  globalThis.Date = guarded;
  return () => {
    globalThis.Date = RealDate;
  };
}
