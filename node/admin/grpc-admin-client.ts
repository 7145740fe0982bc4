/**
 * A typed client of a node's admin service, for the command line and the local launcher. Every
 * call has a deadline. Failures are `DynakvError`s: `Unavailable` if the node cannot be reached,
 * `OutcomeUnknown` if the deadline passed, else the node's own code, with the fact `reason`.
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';

import { Admin } from '../contract/gen/admin_pb.ts';
import {
  openClient,
  plaintextChannels,
  type ChannelCredentialsSource,
} from '../transport/grpc-channel.ts';
import { fromGrpcFailure } from '../transport/grpc-status.ts';
import { adminPath } from './grpc-admin.ts';

/** Init waits until the groups of all members exist; the others answer from memory. */
const deadlineMsDefault = 10_000;

type AdminMethods = typeof Admin.method;
type Request<Name extends keyof AdminMethods> = MessageInitShape<AdminMethods[Name]['input']>;
type Response<Name extends keyof AdminMethods> = MessageShape<AdminMethods[Name]['output']>;

export interface AdminClientOptions {
  /** host:port of the node's peers port. */
  readonly address: string;
  /** Default: plain text. */
  readonly channels?: ChannelCredentialsSource;
  /** For each call. Default 10,000 ms. */
  readonly deadlineMs?: number;
}

export class AdminClient {
  readonly address: string;
  readonly #client: Client;
  readonly #deadlineMs: number;

  constructor(options: AdminClientOptions) {
    this.address = options.address;
    this.#client = openClient(options.address, options.channels ?? plaintextChannels);
    this.#deadlineMs = options.deadlineMs ?? deadlineMsDefault;
  }

  async identify(): Promise<Response<'identify'>> {
    return await this.#call(Admin.method.identify, {});
  }

  async reserve(request: Request<'reserve'>): Promise<Response<'reserve'>> {
    return await this.#call(Admin.method.reserve, request);
  }

  async joinCluster(request: Request<'joinCluster'>): Promise<Response<'joinCluster'>> {
    return await this.#call(Admin.method.joinCluster, request);
  }

  async acquireControl(request: Request<'acquireControl'>): Promise<Response<'acquireControl'>> {
    return await this.#call(Admin.method.acquireControl, request);
  }

  async plan(request: Request<'plan'> = {}): Promise<Response<'plan'>> {
    return await this.#call(Admin.method.plan, request);
  }

  async getRebalance(request: Request<'getRebalance'> = {}): Promise<Response<'getRebalance'>> {
    return await this.#call(Admin.method.getRebalance, request);
  }

  async getSettings(request: Request<'getSettings'> = {}): Promise<Response<'getSettings'>> {
    return await this.#call(Admin.method.getSettings, request);
  }

  async updateSettings(request: Request<'updateSettings'>): Promise<Response<'updateSettings'>> {
    return await this.#call(Admin.method.updateSettings, request);
  }

  async startRebalance(request: Request<'startRebalance'>): Promise<Response<'startRebalance'>> {
    return await this.#call(Admin.method.startRebalance, request);
  }

  async pauseRebalance(request: Request<'pauseRebalance'>): Promise<Response<'pauseRebalance'>> {
    return await this.#call(Admin.method.pauseRebalance, request);
  }

  async cancelRebalance(request: Request<'cancelRebalance'>): Promise<Response<'cancelRebalance'>> {
    return await this.#call(Admin.method.cancelRebalance, request);
  }

  async setNodeState(request: Request<'setNodeState'>): Promise<Response<'setNodeState'>> {
    return await this.#call(Admin.method.setNodeState, request);
  }

  async getDrainProgress(
    request: Request<'getDrainProgress'>,
  ): Promise<Response<'getDrainProgress'>> {
    return await this.#call(Admin.method.getDrainProgress, request);
  }

  async removeNode(request: Request<'removeNode'>): Promise<Response<'removeNode'>> {
    return await this.#call(Admin.method.removeNode, request);
  }

  async evictLeaders(request: Request<'evictLeaders'>): Promise<Response<'evictLeaders'>> {
    return await this.#call(Admin.method.evictLeaders, request);
  }

  async setMaintenance(request: Request<'setMaintenance'>): Promise<Response<'setMaintenance'>> {
    return await this.#call(Admin.method.setMaintenance, request);
  }

  async moveReplica(request: Request<'moveReplica'>): Promise<Response<'moveReplica'>> {
    return await this.#call(Admin.method.moveReplica, request);
  }

  async transferLeader(request: Request<'transferLeader'>): Promise<Response<'transferLeader'>> {
    return await this.#call(Admin.method.transferLeader, request);
  }

  async finalizeFeatureVersion(
    request: Request<'finalizeFeatureVersion'>,
  ): Promise<Response<'finalizeFeatureVersion'>> {
    return await this.#call(Admin.method.finalizeFeatureVersion, request);
  }

  async init(request: Request<'init'>): Promise<Response<'init'>> {
    return await this.#call(Admin.method.init, request);
  }

  async bootstrap(request: Request<'bootstrap'>): Promise<Response<'bootstrap'>> {
    return await this.#call(Admin.method.bootstrap, request);
  }

  async join(request: Request<'join'>): Promise<Response<'join'>> {
    return await this.#call(Admin.method.join, request);
  }

  async status(request: Request<'status'> = {}): Promise<Response<'status'>> {
    return await this.#call(Admin.method.status, request);
  }

  async stop(): Promise<Response<'stop'>> {
    return await this.#call(Admin.method.stop, {});
  }

  close(): void {
    this.#client.close();
  }

  async #call<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method['input']>,
  ): Promise<MessageShape<Method['output']>> {
    const { input, output }: Method = method;
    return await new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<Uint8Array, MessageShape<Method['output']>>(
        adminPath(method),
        (bytes) => Buffer.from(bytes),
        (bytes) => fromBinary<Method['output']>(output, bytes),
        toBinary<Method['input']>(input, create<Method['input']>(input, request)),
        { deadline: Date.now() + this.#deadlineMs },
        (error, response) => {
          if (error === null && response !== undefined) {
            resolve(response);
          } else if (error !== null) {
            reject(fromGrpcFailure(error));
          }
        },
      );
    });
  }
}
