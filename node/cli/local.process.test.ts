/**
 * The launcher with real processes: stand-ins for nodes that listen, answer and die as told. Checks
 * what a person sees (lines, exit codes) and what is left behind. Ports are far from the defaults.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConnectControl, IdentityView } from './cluster-control.ts';
import type { LauncherRecord } from './local-data.ts';
import { runLocal } from './local.ts';
import { testControl } from './testing-control.ts';

const fakeNode = fileURLToPath(new URL('./testdata/fake-node.js', import.meta.url));
const port = 23_400;
let folder = '';
/** So many inits reach the first member only and then fail. */
let brokenInits = 0;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'dynakv-local-')), 'data');
});

afterEach(() => {
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

const connect: ConnectControl = (endpoint) =>
  testControl({
    identify: async () => (await (await fetch(`http://${endpoint}/`)).json()) as IdentityView,
    init: async (plan) => {
      brokenInits -= 1;
      const isBroken = brokenInits >= 0;
      for (const member of plan.members.slice(0, isBroken ? 1 : undefined)) {
        await fetch(`http://${member.address}/${plan.clusterId}`, { method: 'POST' });
      }
      if (isBroken) {
        throw new Error('The second member does not answer');
      }
    },
  });

interface Run {
  readonly ended: Promise<number>;
  readonly text: () => string;
  readonly stop: () => void;
  readonly hurry: () => void;
  readonly until: (pattern: RegExp) => Promise<void>;
}

function launch(options: { port?: number; nodes?: number; environment?: object } = {}): Run {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  let output = '';
  const ended = runLocal(
    {
      nodeCount: options.nodes ?? 3,
      shardCount: 16,
      port: options.port ?? port,
      dataFolder: folder,
      nodeArguments: [],
    },
    {
      program: [process.execPath, fakeNode],
      connect,
      write: (text) => {
        output += text;
      },
      isTerminal: false,
      environment: { ...process.env, ...options.environment },
      newId: () => 'cluster-1',
      stop: stop.signal,
      hurry: hurry.signal,
    },
  );
  const until = async (pattern: RegExp): Promise<void> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    ended.then(over, over);
    while (!pattern.test(output)) {
      if (isOver) {
        throw new Error(`The launcher ended before ${String(pattern)}:\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return {
    ended,
    until,
    text: () => output,
    stop: () => {
      stop.abort();
    },
    hurry: () => {
      hurry.abort();
    },
  };
}

function nodePid(place: number): number {
  const record = JSON.parse(readFileSync(join(folder, 'launcher.json'), 'utf8')) as LauncherRecord;
  return record.nodes[place]?.pid ?? 0;
}

const ready = /^ready http:\/\/127\.0\.0\.1:23400$/m;

describe('runLocal()', () => {
  test('starts, says ready, stops in order, and finds its data again', async () => {
    const first = launch();
    await first.until(ready);
    expect(first.text()).toContain('Creating the cluster');
    expect(first.text()).toContain('{"process":"n2","level":"info"');
    expect(first.text()).toContain('curl -X PUT http://127.0.0.1:23400/key/user1');
    first.stop();
    expect(await first.ended).toBe(0);
    const again = launch();
    await again.until(ready);
    expect(again.text()).not.toContain('Creating the cluster');
    again.stop();
    expect(await again.ended).toBe(0);
  });

  test('repeats an init that reached some members only, and gives up without recording it', async () => {
    brokenInits = 1;
    const run = launch();
    await run.until(ready);
    for (const place of [0, 1, 2]) {
      const identity = await connect(`127.0.0.1:${port - 1_000 + place}`).identify();
      expect(identity).toMatchObject({ state: 'member', clusterId: 'cluster-1' });
    }
    run.stop();
    await run.ended;
    rmSync(folder, { recursive: true });
    brokenInits = 99;
    await expect(launch().ended).rejects.toThrow('The second member does not answer');
    brokenInits = 0;
    const again = launch();
    await again.until(ready);
    expect(again.text()).toContain('Creating the cluster');
    again.stop();
    await again.ended;
  });

  test('starts a killed node again', async () => {
    const run = launch();
    await run.until(ready);
    const pid = nodePid(1);
    process.kill(pid, 'SIGKILL');
    await run.until(/n2 ended unexpectedly \(SIGKILL\): started again in 0\.5 s/);
    await run.until(/("process":"n2".*[^]*){2}/);
    expect(nodePid(1)).not.toBe(pid);
    run.stop();
    expect(await run.ended).toBe(0);
  });

  test('ends with the line of a node that refuses to start', async () => {
    const run = launch({ environment: { FAKE_REFUSE: 'n3' } });
    await expect(run.ended).rejects.toThrow('Cannot start: n3 has ended');
    expect(run.text()).toContain('{"process":"n3","level":"error","message":"Cannot use this');
    expect(run.text()).toContain('n3 ended while starting (code 1)');
  });

  test('kills a deaf node when hurried', async () => {
    const run = launch({ environment: { FAKE_DEAF: 'n1' } });
    await run.until(ready);
    run.stop();
    run.hurry();
    expect(await run.ended).toBe(0);
  });

  test('refuses another number of nodes, and a second launcher, by name', async () => {
    const run = launch();
    await run.until(ready);
    await expect(launch().ended).rejects.toThrow(/another launcher runs on it, process \d+/);
    run.stop();
    await run.ended;
    await expect(launch({ nodes: 1 }).ended).rejects.toThrow('made with NODES=3');
  });

  test('tells nodes their new addresses when the ports moved', async () => {
    const run = launch();
    await run.until(ready);
    run.stop();
    await run.ended;
    const moved = launch({ port: port + 20 });
    await moved.until(/^ready http:\/\/127\.0\.0\.1:23420$/m);
    const answer = (await (await fetch('http://127.0.0.1:22420/')).json()) as object;
    expect(answer).toMatchObject({ overrides: '1' });
    moved.stop();
    await moved.ended;
  });

  test('names a busy port and touches nothing', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port + 1101, '127.0.0.1', resolve));
    await expect(launch().ended).rejects.toThrow(`Cannot use port ${port + 1101}`);
    expect(() => readFileSync(join(folder, 'cluster.json'))).toThrow('ENOENT');
    await new Promise((resolve) => server.close(resolve));
  });

  test('leaves a folder with other files alone', async () => {
    folder = join(folder, '..');
    writeFileSync(join(folder, 'letters.txt'), 'dear');
    await expect(launch().ended).rejects.toThrow('it holds files but no cluster.json');
    folder = join(folder, 'data');
  });
});
