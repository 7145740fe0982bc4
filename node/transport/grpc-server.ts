/**
 * The one gRPC server of a node, on the peers port: streams of peers, and whatever services are
 * injected (admin). It listens, bounds messages, and closes in order; it knows no semantics.
 */
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';
import { connectionOptions, framesPath, sameBytes, snapshotPath } from './grpc-channel.ts';
import type { PeerService } from './grpc-network.ts';
import type { ServerByteStream } from './inbound-stream.ts';

/** Streams of one connection; a peer uses one or two, an admin client a few. */
const streamsPerConnectionMax = 64;
/** How long calls may go on after `close` was asked for, ms. */
const closeGraceMs = 1_000;

export interface GrpcServiceMount {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface ServerCredentialsSource {
  serverCredentials(): ServerCredentials;
}

export const plaintextServer: ServerCredentialsSource = {
  serverCredentials: () => ServerCredentials.createInsecure(),
};

export interface GrpcServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly credentials: ServerCredentialsSource;
  readonly timers: Timers;
  readonly peers: PeerService;
  readonly services: readonly GrpcServiceMount[];
}

const byteStreamMethod = {
  requestStream: true,
  responseStream: true,
  requestSerialize: sameBytes,
  requestDeserialize: sameBytes,
  responseSerialize: sameBytes,
  responseDeserialize: sameBytes,
} as const;

const peerDefinition: ServiceDefinition = {
  frames: { path: framesPath, ...byteStreamMethod },
  snapshot: { path: snapshotPath, ...byteStreamMethod },
};

export class GrpcServer {
  readonly port: number;
  readonly #server: Server;
  readonly #timers: Timers;

  private constructor(server: Server, port: number, timers: Timers) {
    this.#server = server;
    this.port = port;
    this.#timers = timers;
  }

  /** Listens. Throws `ConfigInvalid`, with the fact `errno`, when it cannot. */
  static async open(options: GrpcServerOptions): Promise<GrpcServer> {
    const server = new Server({
      ...connectionOptions,
      'grpc.max_concurrent_streams': streamsPerConnectionMax,
    });
    server.addService(peerDefinition, {
      frames: (call: ServerByteStream) => {
        options.peers.frames(call);
      },
      snapshot: (call: ServerByteStream) => {
        options.peers.snapshot(call);
      },
    });
    for (const { definition, implementation } of options.services) {
      server.addService(definition, implementation);
    }
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    const address = `${host}:${options.port}`;
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, options.credentials.serverCredentials(), (error, bound) => {
        if (error === null) {
          resolve(bound);
        } else {
          server.forceShutdown();
          reject(bindError(address, messageOf(error)));
        }
      });
    });
    return new GrpcServer(server, port, options.timers);
  }

  /** Stops listening at once, lets calls end for a moment, then cuts them. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#timers.after(closeGraceMs, () => {
        this.#server.forceShutdown();
        resolve();
      });
      this.#server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

const bindRemedies: readonly (readonly [errno: string, remedy: string])[] = [
  ['EADDRINUSE', 'the port is in use; stop what uses it, or choose another peers port'],
  ['EACCES', 'the port is not allowed to this user; choose one above 1023'],
  ['EADDRNOTAVAIL', 'the address is not of this machine; choose another host'],
];

function bindError(address: string, message: string): DynakvError {
  const known = bindRemedies.find(([errno]) => message.includes(errno));
  const [errno, remedy] = known ?? [undefined, message];
  return new DynakvError('ConfigInvalid', `Cannot listen for peers on ${address}: ${remedy}`, {
    errno,
    address,
  });
}
