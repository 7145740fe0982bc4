/** What tests of this folder start from: a client of the testing API server, on the real clock. */
import { realClock } from '../../node/sys/real/clock.ts';
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import { silentLogger } from '../../node/sys/log.ts';
import type { KubeConnection } from './connection.ts';
import { kindOf } from './kinds.ts';
import { KubeClient } from './kube-client.ts';
import { KubeHttp } from './kube-http.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { TestingApiServer } from './testing-api-server.ts';

export const world = {
  ...{ clock: realClock, timers: realTimers, random: realRandom, log: silentLogger },
};

export const configMaps = kindOf('v1', 'ConfigMap', 'configmaps');
export const collection = '/api/v1/namespaces/test/configmaps';

export function configMap(name: string, data: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'test' }, data };
}

export interface TestingKube {
  readonly server: TestingApiServer;
  readonly http: KubeHttp;
  readonly client: KubeClient;
  stop(): Promise<void>;
}

export async function startTestingKube(
  options: { readonly timeoutMs?: number; readonly token?: () => string } = {},
): Promise<TestingKube> {
  const server = await TestingApiServer.start();
  const { timeoutMs, token } = options;
  const connection: KubeConnection = {
    ...{ server: server.url, namespace: 'test' },
    ...(token === undefined
      ? {}
      : {
          access: async () =>
            await Promise.resolve({ tls: {}, headers: { Authorization: `Bearer ${token()}` } }),
        }),
  };
  const http = new KubeHttp({
    ...{ connection, ...world },
    ...(timeoutMs === undefined ? {} : { timeoutMs: () => timeoutMs }),
  });
  const stop = async (): Promise<void> => {
    http.close();
    await server.stop();
  };
  return { server, http, client: new KubeClient(http), stop };
}

/** Only against what hangs: a busy machine is slow. */
const untilMsMax = 180_000;

/** Waits until it holds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const start = realClock.monotonicMs();
  while (!holds()) {
    if (realClock.monotonicMs() - start > untilMsMax) {
      throw new Error(`It did not come to this within ${untilMsMax} ms: ${what}`);
    }
    await new Promise<void>((resolve) => realTimers.after(5, resolve));
  }
}
