// Stands for `dynakv node` in the launcher's tests: listens on the three ports it is given, says
// who it is in plain HTTP on the peers port, and remembers init in its data folder. `FAKE_REFUSE`
// names a folder suffix whose node refuses to start; `FAKE_DEAF` one that ignores SIGTERM.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';

const flags = new Map(process.argv.slice(2).map((each) => each.replace(/^--/, '').split('=')));
const data = flags.get('data') ?? '';
const mark = `${data}/identity.json`;

if (process.env.FAKE_REFUSE && data.endsWith(process.env.FAKE_REFUSE)) {
  process.stdout.write('{"level":"error","message":"Cannot use this folder: it is locked"}\n');
  process.exit(1);
}
if (process.env.FAKE_DEAF && data.endsWith(process.env.FAKE_DEAF)) {
  process.on('SIGTERM', () => undefined);
} else {
  process.on('SIGTERM', () => process.exit(0));
}
process.once('disconnect', () => process.exit(0));

const portOf = (flag) => Number((flags.get(flag) ?? '').split(':').at(-1));
const listen = (flag, handle) => createServer(handle).listen(portOf(flag), '127.0.0.1');
const identity = () =>
  existsSync(mark)
    ? JSON.parse(readFileSync(mark, 'utf8'))
    : { state: 'empty', clusterId: '', nodeId: 0 };

listen('client-listen', (request, response) => {
  response.writeHead(request.method === 'DELETE' ? 204 : 201).end();
});
listen('ops-listen', (_request, response) => response.end());
listen('peer-listen', (request, response) => {
  if (request.method === 'POST') {
    mkdirSync(data, { recursive: true });
    const clusterId = decodeURIComponent((request.url ?? '').slice(1));
    writeFileSync(mark, JSON.stringify({ state: 'member', clusterId, nodeId: 1 }));
  }
  response.end(JSON.stringify({ ...identity(), overrides: flags.get('peer-overrides') }));
});
process.stdout.write('{"level":"info","message":"listening"}\n');
