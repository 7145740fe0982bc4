/**
 * Mutual TLS between nodes from three files, followed while the process runs: a changed set is
 * read, checked, and used by every connection made from then on; those that live go on. A set
 * that is broken or half written is reported and the last good one stays in use.
 *
 * Files are polled by content, because a Kubernetes Secret changes them by switching a symbolic
 * link, which watching does not see reliably. Both sides must show a certificate of the CA, and a
 * server's must name the host that was dialled. Which node it is, the hello says.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import {
  credentials,
  experimental,
  type ChannelCredentials,
  type ServerCredentials,
} from '@grpc/grpc-js';

import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Timer, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { ChannelCredentialsSource } from './grpc-channel.ts';
import type { ServerCredentialsSource } from './grpc-server.ts';

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** How soon a changed file is used, ms. */
const pollMs = 1_000;

export interface TlsFiles {
  /** Certificates of the authorities that sign nodes, PEM; several during a change of authority. */
  readonly caFile: string;
  /** This node's certificate and its chain, PEM. */
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsMaterialOptions {
  readonly files: TlsFiles;
  readonly timers: Timers;
  readonly log: Logger;
  /** Default 1,000 ms. */
  readonly pollMs?: number;
}

interface TlsSet {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class TlsMaterial implements ChannelCredentialsSource, ServerCredentialsSource {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #timer: Timer;
  readonly #provider = new SetProvider();
  #current: TlsSet;
  #version = 1;
  #failure: string | undefined;
  #isReading = false;

  private constructor(options: TlsMaterialOptions, first: TlsSet) {
    this.#files = options.files;
    this.#log = options.log;
    this.#current = first;
    this.#provider.provide(first);
    this.#timer = options.timers.every(options.pollMs ?? pollMs, () => {
      void this.#reload();
    });
  }

  /** Reads the files; throws `ConfigInvalid` if they cannot be used. */
  static async open(options: TlsMaterialOptions): Promise<TlsMaterial> {
    return new TlsMaterial(options, await readSet(options.files));
  }

  /** 1 for the first set, one more for every set taken into use since. */
  get version(): number {
    return this.#version;
  }

  /** Why the files as they are now are not in use. */
  get failure(): string | undefined {
    return this.#failure;
  }

  channelCredentials(): ChannelCredentials {
    const { ca, cert, key } = this.#current;
    return credentials.createSsl(ca, key, cert);
  }

  serverCredentials(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(
      this.#provider,
      this.#provider,
      true,
    );
  }

  /** Stops following the files. */
  close(): void {
    this.#timer.cancel();
  }

  /** SHA-256 of the certificates in use, hex: those presented, and those trusted. */
  fingerprints(): { readonly presented: readonly string[]; readonly trusted: readonly string[] } {
    const { ca, cert } = this.#current;
    return { presented: fingerprintsOf(cert), trusted: fingerprintsOf(ca) };
  }

  async #reload(): Promise<void> {
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    try {
      const next = await readSet(this.#files);
      this.#failure = undefined;
      if (!isSameSet(next, this.#current)) {
        this.#current = next;
        this.#version += 1;
        this.#provider.provide(next);
        this.#log.info('TLS files changed and are in use', { version: this.#version });
      }
    } catch (error) {
      const failure = messageOf(error);
      if (failure !== this.#failure) {
        this.#failure = failure;
        this.#log.error('Cannot use the changed TLS files, the last good ones stay', { failure });
      }
    } finally {
      this.#isReading = false;
    }
  }
}

/** Of each certificate of a PEM bundle. */
function fingerprintsOf(bundle: Buffer): string[] {
  const blocks = bundle.toString('utf8').match(certificateBlock) ?? [];
  return blocks.map((block) => {
    const { fingerprint256 } = new X509Certificate(block);
    return fingerprint256.replaceAll(':', '').toLowerCase();
  });
}

async function readSet({ caFile, certFile, keyFile }: TlsFiles): Promise<TlsSet> {
  try {
    const [ca, cert, key] = await Promise.all([
      readFile(caFile),
      readFile(certFile),
      readFile(keyFile),
    ]);
    // Throws if one is no PEM, or if the key is not the certificate's.
    createSecureContext({ ca, cert, key });
    return { ca, cert, key };
  } catch (error) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot use the TLS files "${caFile}", "${certFile}" and "${keyFile}": ${messageOf(error)}`,
    );
  }
}

function isSameSet(one: TlsSet, other: TlsSet): boolean {
  return one.ca.equals(other.ca) && one.cert.equals(other.cert) && one.key.equals(other.key);
}

/**
 * Feeds the server's secure context; the library asks for CA and identity separately, and misses
 * what it is told while it subscribes.
 */
class SetProvider implements experimental.CertificateProvider {
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  #set: TlsSet | undefined;

  provide(set: TlsSet): void {
    this.#set = set;
    this.#tell();
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    queueMicrotask(() => {
      this.#tell();
    });
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    queueMicrotask(() => {
      this.#tell();
    });
  }

  removeIdentityCertificateListener(
    listener: experimental.IdentityCertificateUpdateListener,
  ): void {
    this.#identityListeners.delete(listener);
  }

  #tell(): void {
    if (this.#set === undefined) {
      return;
    }
    const { ca, cert, key } = this.#set;
    for (const listener of this.#caListeners) {
      listener({ caCertificate: ca });
    }
    for (const listener of this.#identityListeners) {
      listener({ certificate: cert, privateKey: key });
    }
  }
}
