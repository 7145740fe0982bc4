/**
 * Requests that make every series of a node move: writes, strong reads and reads of what is not
 * there, to all nodes, through both doors. It checks nothing; it stops when told.
 */

const pauseMs = 20;
const answerMsMax = 5_000;

export class LiveLoad {
  readonly #urls: readonly string[];
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const url = this.#urls[turn % this.#urls.length] ?? '';
      const key = `${url}/key/load-${turn % 100}`;
      const headers = { 'content-type': 'application/json' };
      await ask(key, { method: 'PUT', headers, body: JSON.stringify({ turn }) });
      await ask(key, { method: 'GET' });
      await ask(`${url}/key/nothing-here`, { method: 'GET' });
      await ask(`${url}/`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'DynamoDB_20120810.ListTables',
        },
        body: '{}',
      });
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
    }
  }
}

/** One request; a failure is an event like any other. */
async function ask(url: string, init: RequestInit): Promise<void> {
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(answerMsMax) });
    await answer.arrayBuffer();
  } catch {
    // The node is down: the series of the others say so.
  }
}
