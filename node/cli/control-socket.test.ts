/** The launcher's socket over a real one in a temporary folder. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynakvError } from '../lib/errors.ts';
import { askLauncher, ControlSocket } from './control-socket.ts';

let folder = '';
const silent = (): void => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-socket-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('ControlSocket', () => {
  test('says the steps, then the result; for the owner only', async () => {
    const socket = await ControlSocket.open(folder, async ({ verb, zone }, say) => {
      say('first');
      say('second');
      return { verb, zone: zone ?? '' };
    });
    expect(statSync(join(folder, 'control.sock')).mode & 0o777).toBe(0o600);
    const said: string[] = [];
    const request = { verb: 'add-node', zone: 'a' } as const;
    const done = await askLauncher(folder, request, (text) => said.push(text));
    expect(done).toEqual({ verb: 'add-node', zone: 'a' });
    expect(said).toEqual(['first', 'second']);
    await socket.close();
  });

  test('a refusal keeps its reason and its sentence', async () => {
    const socket = await ControlSocket.open(folder, async () => {
      throw new DynakvError('Refused', 'Cannot remove n2: it is active', { reason: 'NotDrained' });
    });
    const failure = await askLauncher(folder, { verb: 'remove', node: 'n2' }, silent).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      message: 'Cannot remove n2: it is active',
      facts: { reason: 'NotDrained' },
    });
    await socket.close();
  });

  test('carries a request out whose client goes away', async () => {
    const steps: string[] = [];
    let finish = silent;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const begun = Promise.withResolvers<undefined>();
    const left = Promise.withResolvers<undefined>();
    const socket = await ControlSocket.open(folder, async (_request, say) => {
      begun.resolve(undefined);
      await left.promise;
      say('nobody hears this');
      steps.push('done');
      finish();
      return {};
    });
    const client = createConnection(join(folder, 'control.sock'));
    client.write('{"verb":"add-node"}\n');
    await begun.promise;
    client.destroy();
    left.resolve(undefined);
    await finished;
    expect(steps).toEqual(['done']);
    await socket.close();
  });

  test('takes the place of a socket that an earlier launcher left', async () => {
    writeFileSync(join(folder, 'control.sock'), '');
    const socket = await ControlSocket.open(folder, async () => ({}));
    expect(await askLauncher(folder, { verb: 'kill' }, silent)).toEqual({});
    await socket.close();
  });

  test('refuses what is not a line of JSON', async () => {
    const socket = await ControlSocket.open(folder, async () => ({}));
    const client = createConnection(join(folder, 'control.sock'));
    client.write(`${'x'.repeat(5_000)}`);
    let text = '';
    for await (const chunk of client) {
      text += String(chunk);
    }
    expect(text).toContain('Cannot understand the request');
    await socket.close();
  });

  test('refuses a folder whose path the kernel cannot take', async () => {
    const deep = join(folder, 'd'.repeat(120));
    mkdirSync(deep);
    await expect(ControlSocket.open(deep, async () => ({}))).rejects.toThrow('at most 107 bytes');
  });
});

describe('askLauncher()', () => {
  test('says how to get a cluster when none is there', async () => {
    await expect(askLauncher(folder, { verb: 'kill' }, silent)).rejects.toThrow(
      `Cannot find a cluster in ${folder}`,
    );
    writeFileSync(join(folder, 'control.sock'), '');
    await expect(askLauncher(folder, { verb: 'kill' }, silent)).rejects.toThrow(
      'start one by make',
    );
  });
});
