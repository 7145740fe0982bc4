/**
 * Measures the transport between two processes: `node test-throughput.ts [frame bytes] [window]`.
 * A window of requests is kept under way, the other process echoes each; prints one JSON line.
 * Not a test: nothing is asserted.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { FrameKind } from '../sys/network.ts';
import { eventually, TestNode } from './test-node.ts';
import type { TestProcessReport } from './test-process.ts';

const frameBytes = Number(process.argv[2] ?? 1024);
const windowFrames = Number(process.argv[3] ?? 256);
const warmUpMs = 1_000;
const measuredMs = 5_000;

const one = await TestNode.open({ nodeId: 1 });
const child = fork(fileURLToPath(new URL('test-process.ts', import.meta.url)), ['2']);
const [report] = (await once(child, 'message')) as [TestProcessReport];
child.send({ peers: [{ nodeId: 1, address: one.address }] });
one.meet({ nodeId: 2, address: report.address });
await eventually(() => one.events.length > 0);

const payload = Buffer.alloc(frameBytes, 'x');
const startedAtMs: number[] = [];
const latenciesMs: number[] = [];
let answered = 0;
let allowed = windowFrames;
let scheduled = false;
let running = true;

function turn(): void {
  scheduled = false;
  while (running && allowed > 0 && one.network.send(2, 'bulk', FrameKind.request, payload)) {
    allowed -= 1;
    startedAtMs.push(performance.now());
  }
  one.network.flush();
}

let next = 0;
one.network.onFrame(() => {
  answered += 1;
  allowed += 1;
  latenciesMs.push(performance.now() - (startedAtMs[next] ?? 0));
  next += 1;
  if (!scheduled) {
    scheduled = true;
    setImmediate(turn);
  }
});
turn();
await new Promise((resolve) => setTimeout(resolve, warmUpMs));
const before = { answered, cpu: process.cpuUsage(), atMs: performance.now() };
latenciesMs.length = 0;
await new Promise((resolve) => setTimeout(resolve, measuredMs));
const elapsedS = (performance.now() - before.atMs) / 1_000;
const cpu = process.cpuUsage(before.cpu);
const count = answered - before.answered;
running = false;
latenciesMs.sort((a, b) => a - b);
const result = {
  frameBytes,
  windowFrames,
  roundTripsPerSecond: Math.round(count / elapsedS),
  cpuMicrosPerRoundTripOneSide: Number(((cpu.user + cpu.system) / count).toFixed(2)),
  p50Ms: Number((latenciesMs[Math.floor(latenciesMs.length * 0.5)] ?? 0).toFixed(2)),
  p99Ms: Number((latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0).toFixed(2)),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
child.kill();
await one.close();
process.exit(0);
