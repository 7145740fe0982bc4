/**
 * The peer network as a port: `transport/` (gRPC) in production, `sim/network.ts` in simulation.
 *
 * Frames of kind `raft` and `liveness` may also come twice; those of kind `request` and `reply`
 * come once at most: a request that came twice would be done twice.
 *
 * Frames are small binary messages, best effort and unordered in principle (in practice ordered
 * per lane while a connection lives): they may be lost, never corrupted. Lost frames are the
 * sender's protocol's business. Nothing is sent before `flush`, called once at the end of a turn.
 */

export type NodeId = number; // 1 … 2^32−1, given at join, never reused

/**
 * `urgent` (votes, heartbeats, liveness, ReadIndex, small replies) overtakes `bulk` (appends,
 * commands): a large frame is chunked and never holds up an urgent one.
 */
export type Lane = 'urgent' | 'bulk';

/** The first byte of a frame: which part of the node it is for. */
export const FrameKind = { raft: 1, liveness: 2, request: 3, reply: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface PeerAddress {
  readonly nodeId: NodeId;
  /** `host:port` of the peer's gRPC door; empty: it is not known, and nobody dials it. */
  readonly address: string;
  /** The store that speaks for it; undefined: not known. */
  readonly storeId?: string | undefined;
}

/**
 * - `up`: frames can flow; `bootId` names this life of the peer's process;
 * - `down`: the connection broke; `refused` = nobody listens there (the process is gone). A break
 *   is told at once with `refused` false; if the attempt to connect again, made at once, finds
 *   nobody, a second `down` with `refused` follows. So does one for a peer that was never there.
 *
 * A peer is up while a stream of each side was accepted by the other. Frames come only between
 * its `up` and its `down`, and `send` returns false outside.
 */
export type PeerEvent =
  | { readonly kind: 'up'; readonly nodeId: NodeId; readonly bootId: string }
  | { readonly kind: 'down'; readonly nodeId: NodeId; readonly refused: boolean };

export interface SnapshotHeader {
  readonly groupId: number;
  /** Encoded by the host: who sends what to whom. */
  readonly header: Buffer;
}

/** One message of a snapshot at most; a chunk arrives as it was given, in one piece. */
export const snapshotChunkBytesMax = 4 * 1024 * 1024;

/**
 * One incoming snapshot: the host reads `chunks` to the end, then returns (= received) or throws.
 * Chunks come in order, each once. `answer` tells the sender something while the stream lives (how
 * far it got); the last answers before the end may be lost with a connection that breaks.
 */
export type SnapshotHandler = (
  from: NodeId,
  snapshot: SnapshotHeader,
  chunks: AsyncIterable<Buffer>,
  answer: (bytes: Buffer) => void,
) => Promise<void>;

export interface Network {
  /**
   * Frame bytes are copied before this returns. False = dropped: unknown peer, down, full queue.
   * A receiver gets a view of a larger message: what it keeps for long, it copies.
   */
  send(to: NodeId, lane: Lane, kind: FrameKind, payload: Uint8Array): boolean;
  /** Hands everything queued to the connections. */
  flush(): void;
  /** Bytes queued for a peer and not yet taken by its connection. */
  queuedBytes(to: NodeId): number;
  /**
   * Streams a snapshot on its own connection; resolves when the peer's handler returned. The next
   * chunk is asked for when the connection has taken the one before. `onAnswer` hears what the
   * handler answers, in order, from before the first chunk on. A source that waits when the stream
   * fails is left waiting: it is told by the rejection.
   */
  sendSnapshot(
    to: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    onAnswer?: (bytes: Buffer) => void,
  ): Promise<void>;
  /**
   * Replaces the set of peers; connects to new ones, drops missing ones. `removed` are told so when
   * they ask.
   */
  setPeers(peers: readonly PeerAddress[], removed?: ReadonlySet<NodeId>): void;
  onFrame(handler: (from: NodeId, kind: FrameKind, payload: Buffer) => void): void;
  onPeer(handler: (event: PeerEvent) => void): void;
  onSnapshot(handler: SnapshotHandler): void;
  /**
   * Hears of a node of this cluster that is no peer here and called, each time: as it says itself
   * where it is reached. It was refused.
   */
  onStranger(handler: (stranger: PeerAddress) => void): void;
}
