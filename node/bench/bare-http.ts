/**
 * The yardstick: a `node:http` server that reads each request and answers fixed bytes, in a
 * process of its own. `main.ts` captures the bytes (status, headers, body) from a real node and
 * passes them in `BARE_ANSWERS`, one answer per `X-Amz-Target`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer by the operation's name. */
export type BareAnswers = Readonly<
  Record<string, { readonly headers: readonly string[]; readonly body: string }>
>;

function serve(answers: BareAnswers): void {
  const bytes = new Map(
    Object.entries(answers).map(([name, { headers, body }]) => [
      name,
      { headers: [...headers], body: Buffer.from(body) },
    ]),
  );
  const server = createServer((request, response) => {
    const target = request.headers['x-amz-target'];
    const answer = bytes.get(
      typeof target === 'string' ? target.slice(target.indexOf('.') + 1) : '',
    );
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (answer === undefined) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, answer.headers);
      response.end(answer.body);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`ready http://127.0.0.1:${port}\n`);
  });
}

if (import.meta.main) {
  serve(JSON.parse(process.env['BARE_ANSWERS'] ?? '{}') as BareAnswers);
}
