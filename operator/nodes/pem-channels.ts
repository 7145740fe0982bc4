/** Credentials towards the nodes of a cluster, from PEM texts instead of files. */
import { credentials } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { ChannelCredentialsSource } from '../../node/transport/grpc-channel.ts';

export interface PemSet {
  /** Authorities that nodes must be signed by. */
  readonly bundle: string;
  readonly certificate: string;
  readonly key: string;
}

export class PemChannels implements ChannelCredentialsSource {
  readonly serverName: string;
  readonly #set: PemSet;

  /** `serverName`: the name that the node's certificate must have; it is dialled by address. */
  constructor(set: PemSet, serverName: string) {
    this.#set = set;
    this.serverName = serverName;
  }

  channelCredentials(): ChannelCredentials {
    const { bundle, certificate, key } = this.#set;
    return credentials.createSsl(Buffer.from(bundle), Buffer.from(key), Buffer.from(certificate));
  }
}
