/**
 * Where the API server is and how to be known there. In a pod the files of the service account say
 * so (`pod-connection.ts`), elsewhere a kubeconfig (`kubeconfig-connection.ts`).
 */
import type { Agent } from 'node:http';
import type { ConnectionOptions } from 'node:tls';

/** What a request needs to be let in. */
export interface Access {
  /** The same object as long as nothing in it changed: connections are kept for it. */
  readonly tls: Pick<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >;
  readonly headers: Readonly<Record<string, string>>;
  /** Opens connections by a way of its own: there is a proxy in between. */
  readonly agent?: Agent | undefined;
}

export interface KubeConnection {
  /** `https://host:port`. */
  readonly server: string;
  /** The namespace of the service account or of the context. */
  readonly namespace: string;
  /** Asked before each request, as tokens are short-lived; absent: everybody is let in. */
  readonly access?: () => Promise<Access>;
}
