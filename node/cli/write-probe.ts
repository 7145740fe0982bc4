/**
 * Waits until writes work, by writing: a key of its own through each node, deleted again. An
 * answer that only a served write gives (created, replaced; or the table `kv` was deleted by
 * someone) counts; anything else is tried again.
 *
 * Not by `fetch`: it refuses ports that browsers avoid (10080, 6666, …), and a node may well serve on
 * one of those.
 */
import { request } from 'node:http';
import { secondMs } from '../lib/units.ts';

const retryMs = 100;
const attemptMsMax = 5 * secondMs;
/** 409: there is no table `kv` any more, which its leader confirmed. */
const served = new Set([200, 201, 204, 409]);

async function attempt(method: 'PUT' | 'DELETE', url: string, body?: string): Promise<boolean> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(attemptMsMax);
  return await new Promise((resolve) => {
    // Refused, reset, cut short or too slow: not yet.
    const failed = (): void => {
      resolve(false);
    };
    const call = request(url, { method, headers, signal, agent: false }, (response) => {
      response.once('error', failed);
      response.once('end', () => {
        resolve(served.has(response.statusCode ?? 0));
      });
      response.once('close', failed);
      response.resume();
    });
    call.once('error', failed);
    call.end(body);
  });
}

/** Resolves when a write through the node at `baseUrl` was acknowledged. */
export async function waitForWrites(
  baseUrl: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const url = `${baseUrl}/key/${encodeURIComponent(`dynakv-probe-${name}`)}`;
  while (!signal.aborted) {
    if ((await attempt('PUT', url, '{"probe":true}')) && (await attempt('DELETE', url))) {
      return;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, retryMs);
    });
  }
}
