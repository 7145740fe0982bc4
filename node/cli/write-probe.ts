/**
 * Waits until writes work, by writing: a key of its own through each node, deleted again. An
 * answer that only a served write gives (created, replaced; or the table `kv` was deleted by
 * someone) counts; anything else is tried again.
 */
import { secondMs } from '../lib/units.ts';

const retryMs = 100;
const attemptMsMax = 5 * secondMs;
/** 409: there is no table `kv` any more, which its leader confirmed. */
const served = new Set([200, 201, 204, 409]);

async function attempt(method: 'PUT' | 'DELETE', url: string, body?: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(attemptMsMax),
      ...(body === undefined ? {} : { body }),
    });
    await response.arrayBuffer();
    return served.has(response.status);
  } catch {
    // Refused, reset or too slow: not yet.
    return false;
  }
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
