/**
 * Client channels to other nodes, and the options they share with the server. A channel is made
 * for one connection and thrown away when it breaks: so a name is resolved anew, a changed
 * certificate is used, and no hidden backoff of the library delays the next attempt.
 */
import {
  Client,
  credentials,
  logVerbosity,
  setLogVerbosity,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
} from '@grpc/grpc-js';

import { mebibyte } from '../lib/units.ts';

// The library would print to standard error on its own; every failure is reported to us anyway.
setLogVerbosity(logVerbosity.NONE);

export const framesPath = '/dynakv.v1.Peer/Frames';
export const snapshotPath = '/dynakv.v1.Peer/Snapshot';

/** Largest message either side takes. Above the largest chunk of frames and snapshot header. */
export const messageBytesMax = 8 * mebibyte;
/** A connection without traffic is probed this often, and given up when no answer comes. */
export const keepaliveMs = 10_000;
export const keepaliveTimeoutMs = 5_000;
/**
 * What a client lets come unread: more than the batches of a turn, and a bound on what an urgent
 * frame can wait behind at a receiver that is late. Of what a server lets come: `grpc-server.ts`.
 */
const flowControlWindowBytes = mebibyte;

/** For the server and for clients. */
export const connectionOptions: ChannelOptions = {
  'grpc.enable_channelz': 0,
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.keepalive_time_ms': keepaliveMs,
  'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
};

const clientOptions: ChannelOptions = {
  ...connectionOptions,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc-node.flow_control_window': flowControlWindowBytes,
};

/** Gives the credentials for the next connection. */
export interface ChannelCredentialsSource {
  channelCredentials(): ChannelCredentials;
  /** The name in the server's certificate, where it is dialled by another (an address). */
  readonly serverName?: string;
}

export const plaintextChannels: ChannelCredentialsSource = {
  channelCredentials: () => credentials.createInsecure(),
};

/** A client with a connection of its own, whatever other clients of the address exist. */
export function openClient(address: string, source: ChannelCredentialsSource): Client {
  const { serverName } = source;
  const named =
    serverName === undefined
      ? {}
      : {
          'grpc.ssl_target_name_override': serverName,
          'grpc.default_authority': serverName,
        };
  return new Client(address, source.channelCredentials(), { ...clientOptions, ...named });
}

/** A serializer that leaves bytes as they are. */
export function sameBytes(bytes: Buffer): Buffer {
  return bytes;
}

/** A bidirectional stream of raw bytes. */
export type ByteStream = ClientDuplexStream<Buffer, Buffer>;

export function openByteStream(client: Client, path: string): ByteStream {
  return client.makeBidiStreamRequest<Buffer, Buffer>(path, sameBytes, sameBytes);
}
