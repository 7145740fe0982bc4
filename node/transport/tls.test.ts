/**
 * Mutual TLS over real connections, with certificates made here. Goal: only certificates of the
 * trusted authority get in, and changed files are used without a restart.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { silentLogger } from '../sys/log.ts';
import { realTimers } from '../sys/real/timers.ts';
import { createAuthority, writeTlsFiles } from './test-certificates.ts';
import { eventually, TestNode } from './test-node.ts';
import { TlsMaterial, type TlsFiles } from './tls.ts';

let folder = '';
const closers: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynakv-tls-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
  await rm(folder, { recursive: true });
});

async function openMaterial(files: TlsFiles): Promise<TlsMaterial> {
  const material = await TlsMaterial.open({
    files,
    timers: realTimers,
    log: silentLogger,
    pollMs: 10,
  });
  closers.push(() => {
    material.close();
  });
  return material;
}

async function openNode(
  nodeId: number,
  material: TlsMaterial,
  life: { readonly port?: number; readonly bootNonces?: readonly string[] } = {},
): Promise<TestNode> {
  const node = await TestNode.open({
    nodeId,
    channels: material,
    credentials: material,
    ...life,
  });
  closers.push(async () => {
    await node.close();
  });
  return node;
}

function stateOf(node: TestNode): { up: boolean; failure: string } {
  const state = node.network.states()[0];
  return { up: state?.up === true, failure: state?.failure ?? '' };
}

describe('TlsMaterial', () => {
  test('nodes of one authority connect', async () => {
    const authority = await createAuthority('ca');
    const one = await openNode(
      1,
      await openMaterial(await writeTlsFiles(folder, 'one', { signer: authority })),
    );
    const two = await openNode(
      2,
      await openMaterial(await writeTlsFiles(folder, 'two', { signer: authority })),
    );
    one.meet(two);
    two.meet(one);
    await eventually(() => stateOf(one).up && stateOf(two).up);
  });

  test('a certificate of another authority is refused, and so is plain text', async () => {
    const authority = await createAuthority('ca');
    const stranger = await createAuthority('stranger');
    const one = await openNode(
      1,
      await openMaterial(await writeTlsFiles(folder, 'one', { signer: authority })),
    );
    // It trusts the server, so only the server's own check can refuse it.
    const two = await openNode(
      2,
      await openMaterial(
        await writeTlsFiles(folder, 'two', { signer: stranger, trusted: [stranger, authority] }),
      ),
    );
    const plain = await TestNode.open({ nodeId: 3 });
    closers.push(async () => {
      await plain.close();
    });
    one.meet(two, plain);
    two.meet(one);
    plain.meet(one);
    await eventually(() => stateOf(two).failure !== '' && stateOf(plain).failure !== '');
    await eventually(
      () =>
        stateOf(one).failure.includes('self-signed certificate') ||
        stateOf(one).failure.includes('issuer certificate'),
    );
    expect([stateOf(one).up, stateOf(two).up, stateOf(plain).up]).toEqual([false, false, false]);
  });

  test('changed files serve new connections; a broken set leaves the last good one', async () => {
    const older = await createAuthority('older');
    const newer = await createAuthority('newer');
    const materialOne = await openMaterial(await writeTlsFiles(folder, 'one', { signer: older }));
    const files = await writeTlsFiles(folder, 'two', { signer: newer, trusted: [newer, older] });
    const one = await openNode(1, materialOne);
    const two = await openNode(2, await openMaterial(files));
    one.meet(two);
    two.meet(one);
    await eventually(() => stateOf(one).failure !== '');
    await writeFile(join(folder, 'one.cert.pem'), 'half writ');
    await eventually(() => materialOne.failure !== undefined);
    expect(materialOne.version).toBe(1);
    await writeTlsFiles(folder, 'one', { signer: newer });
    await eventually(() => stateOf(one).up && stateOf(two).up);
    expect(materialOne.version).toBeGreaterThan(1);
    expect(materialOne.failure).toBeUndefined();
  });

  test('open() names files that cannot be used', async () => {
    const authority = await createAuthority('ca');
    const files = await writeTlsFiles(folder, 'one', { signer: authority });
    const other = await writeTlsFiles(folder, 'other', { signer: authority });
    await expect(openMaterial({ ...files, keyFile: other.keyFile })).rejects.toMatchObject({
      code: 'ConfigInvalid',
    });
    await expect(openMaterial({ ...files, caFile: '/missing' })).rejects.toMatchObject({
      message: expect.stringContaining('/missing'),
    });
  });
});
