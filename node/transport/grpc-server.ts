/**
 * The one gRPC server of a node, on the peers port: streams of peers, and whatever services are
 * injected (admin). It listens, bounds messages, and closes in order; it knows no semantics.
 */
import type { Http2Server, Http2Session, Settings } from 'node:http2';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { kibibyte } from '../lib/units.ts';
import type { Timers } from '../sys/clock.ts';
import { connectionOptions, framesPath, sameBytes, snapshotPath } from './grpc-channel.ts';
import type { PeerService } from './grpc-network.ts';
import type { ServerByteStream } from './inbound-stream.ts';

/** Streams of one connection; a peer uses one or two, an admin client a few. */
const streamsPerConnectionMax = 64;
/**
 * What a peer may send ahead of what was read: several chunks of a snapshot, so that they do not
 * wait for a round trip each. Held in memory for a connection whose receiver is late.
 */
const receiveWindowBytes = 512 * kibibyte;
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
    widenWindow(server);
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

/**
 * The library has an option for the window of a client and none for that of a server, which stays
 * at 64 KiB: each chunk of a snapshot would take a round trip. What is used here is private to its
 * pinned version; `grpc-server.test.ts` says whether it still works.
 */
function widenWindow(server: Server): void {
  const inner = server as unknown as {
    readonly commonServerOptions: { settings?: Settings };
    createHttp2Server(from: ServerCredentials): Http2Server;
  };
  const create = inner.createHttp2Server.bind(server);
  assert(typeof inner.commonServerOptions === 'object', 'The library keeps its options there');
  const { commonServerOptions: options } = inner;
  options.settings = { ...options.settings, initialWindowSize: receiveWindowBytes };
  inner.createHttp2Server = (from) => {
    const made = create(from);
    made.on('session', (session: Http2Session) => {
      session.setLocalWindowSize(receiveWindowBytes);
    });
    return made;
  };
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
