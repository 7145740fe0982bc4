/**
 * How a test on this host reaches a pod or a Service: at its own address where the host routes to
 * pods (the local provider), else through `kubectl port-forward`. A forward that has ended, as its
 * pod has, is started again when it is asked for.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { KubeClient } from './kube-client.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import type { KubeObject, Pod } from './kube-objects.ts';
import { timeouts } from './timeouts.ts';
import { until } from './waiting.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Reach {
  pod(namespace: string, name: string, port: number): Promise<Endpoint>;
  service(namespace: string, name: string, port: number): Promise<Endpoint>;
  close(): void;
}

/** A Service made anew has another address: it is asked for again after this, ms. */
const serviceMs = 1_000;

/** A pod's address is asked for each time; a Service's is kept for a moment, or for want of one. */
export class DirectReach implements Reach {
  readonly #client: KubeClient;
  readonly #services = new Map<string, { readonly host: string; askedMs: number }>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  async pod(namespace: string, name: string, port: number): Promise<Endpoint> {
    const pod = await this.#client.get<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace, name });
    const host = pod.status?.podIP;
    if (host === undefined) {
      throw new Error(`Cannot reach pod ${name}: it has no address yet`);
    }
    return { host, port };
  }

  async service(namespace: string, name: string, port: number): Promise<Endpoint> {
    const key = `${namespace}/${name}`;
    const known = this.#services.get(key);
    if (known !== undefined && Date.now() - known.askedMs < serviceMs) {
      return { host: known.host, port };
    }
    const host = await this.#ask(namespace, name, known);
    this.#services.set(key, { host, askedMs: Date.now() });
    return { host, port };
  }

  async #ask(
    namespace: string,
    name: string,
    known: { readonly host: string; askedMs: number } | undefined,
  ): Promise<string> {
    if (known !== undefined) {
      // Others go on with what is known while one asks.
      known.askedMs = Date.now();
    }
    const ref = { apiVersion: 'v1', kind: 'Service', namespace, name };
    type Service = KubeObject & { readonly spec: { readonly clusterIP: string } };
    try {
      return (await this.#client.get<Service>(ref)).spec.clusterIP;
    } catch (error) {
      if (known === undefined || isKubeError(error, 404)) {
        this.#services.delete(`${namespace}/${name}`);
        throw error;
      }
      return known.host;
    }
  }

  close(): void {
    // Nothing stands in between.
  }
}

interface Forward {
  readonly child: ChildProcess;
  readonly port: Promise<number>;
}

export class ForwardReach implements Reach {
  readonly #kubectl: string;
  readonly #kubeconfig: string;
  readonly #forwards = new Map<string, Forward>();

  constructor(kubectl: string, kubeconfig: string) {
    this.#kubectl = kubectl;
    this.#kubeconfig = kubeconfig;
  }

  async pod(namespace: string, name: string, port: number): Promise<Endpoint> {
    return await this.#forward(namespace, `pod/${name}`, port);
  }

  async service(namespace: string, name: string, port: number): Promise<Endpoint> {
    return await this.#forward(namespace, `service/${name}`, port);
  }

  close(): void {
    for (const { child } of this.#forwards.values()) {
      child.kill();
    }
    this.#forwards.clear();
  }

  async #forward(namespace: string, target: string, port: number): Promise<Endpoint> {
    const key = `${namespace} ${target} ${port}`;
    let forward = this.#forwards.get(key);
    if (forward === undefined || hasEnded(forward.child)) {
      forward = this.#start(namespace, target, port);
      this.#forwards.set(key, forward);
    }
    return { host: '127.0.0.1', port: await forward.port };
  }

  #start(namespace: string, target: string, port: number): Forward {
    const child = spawn(
      this.#kubectl,
      [
        ...['--kubeconfig', this.#kubeconfig, '--namespace', namespace],
        ...['port-forward', '--address', '127.0.0.1', target, `:${port}`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    const listen = (chunk: Buffer): void => {
      // The first line says the port; the rest tells of each connection.
      said = said.length < 1_000 ? said + chunk.toString('utf8') : said;
      // A connection that the pod has closed is all that it says before it hangs on.
      if (chunk.includes('lost connection to pod')) {
        child.kill();
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', () => undefined);
    const found = until(`a forward to ${target}`, timeouts.request, () => {
      if (hasEnded(child)) {
        return { problem: said.trim() };
      }
      const local = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      return local === undefined ? undefined : { local: Number(local) };
    });
    const forwarded = found.then((outcome) => {
      if ('problem' in outcome) {
        throw new Error(`Cannot forward to ${target}: ${outcome.problem}`);
      }
      return outcome.local;
    });
    // Who waits for it is told; nobody else is.
    forwarded.catch(() => child.kill());
    return { child, port: forwarded };
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
