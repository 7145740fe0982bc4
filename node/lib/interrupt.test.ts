/** Interrupt: waits end as their work does, or at once when they are interrupted. */
import { describe, expect, test } from '@jest/globals';
import { Interrupt } from './interrupt.ts';

describe('Interrupt', () => {
  test('wait() settles as the work does', async () => {
    const interrupt = new Interrupt();
    expect(await interrupt.wait(Promise.resolve(7))).toBe(7);
    await expect(interrupt.wait(Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(interrupt.hasEnded).toBe(false);
    expect(() => {
      interrupt.check();
    }).not.toThrow();
  });

  test('end() ends every wait, also later ones, with the first reason', async () => {
    const interrupt = new Interrupt();
    const never = new Promise<never>(() => undefined);
    const waits = [interrupt.wait(never), interrupt.wait(never)];
    interrupt.end(new Error('first'));
    interrupt.end(new Error('second'));
    for (const wait of waits) {
      await expect(wait).rejects.toThrow('first');
    }
    await expect(interrupt.wait(Promise.resolve(7))).rejects.toThrow('first');
    expect(() => {
      interrupt.check();
    }).toThrow('first');
  });

  test('work that fails after the end is no unhandled rejection', async () => {
    const interrupt = new Interrupt();
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const wait = interrupt.wait(work);
    interrupt.end(new Error('ended'));
    await expect(wait).rejects.toThrow('ended');
    fail(new Error('late'));
    await expect(interrupt.wait(Promise.reject(new Error('later')))).rejects.toThrow('ended');
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  });
});
