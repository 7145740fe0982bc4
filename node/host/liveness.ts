/**
 * Liveness per pair of nodes: a small frame every tick says that a process lives; groups asleep
 * rely on it alone (P15). A peer is lost when its connection is refused, when its boot changed, or
 * when it was silent for `silentTicks`. It also carries the peers' wall clocks (P6).
 */
import { noFacts } from './liveness-frames.ts';
import type { NodeFacts } from './liveness-frames.ts';
import type { NodeId } from '../sys/network.ts';

export interface PeerLife {
  bootId: string;
  connected: boolean;
  live: boolean;
  ticksSilent: number;
  /** The peer's wall clock minus ours when last heard, ms. */
  clockOffsetMs: number;
  /** What it said of itself last. */
  facts: NodeFacts;
}

/** Why a peer counts as lost. */
export type LossReason = 'refused' | 'rebooted' | 'silent';

export class Liveness {
  readonly #peers = new Map<NodeId, PeerLife>();
  readonly #silentTicks: number;
  readonly #lost: (nodeId: NodeId, reason: LossReason) => void;

  constructor(silentTicks: number, lost: (nodeId: NodeId, reason: LossReason) => void) {
    this.#silentTicks = silentTicks;
    this.#lost = lost;
  }

  get(nodeId: NodeId): Readonly<PeerLife> | undefined {
    return this.#peers.get(nodeId);
  }

  isLive(nodeId: NodeId): boolean {
    return this.#peers.get(nodeId)?.live ?? false;
  }

  /** It said that it is about to end. */
  isStopping(nodeId: NodeId): boolean {
    return this.#peers.get(nodeId)?.facts.stopping ?? false;
  }

  #peer(nodeId: NodeId): PeerLife {
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      peer = {
        ...{ bootId: '', connected: false, live: false, ticksSilent: 0, clockOffsetMs: 0 },
        facts: noFacts,
      };
      this.#peers.set(nodeId, peer);
    }
    return peer;
  }

  up(nodeId: NodeId, bootId: string): void {
    const peer = this.#peer(nodeId);
    const rebooted = peer.bootId !== '' && peer.bootId !== bootId;
    if (rebooted) {
      peer.facts = { ...peer.facts, stopping: false };
    }
    peer.bootId = bootId;
    peer.connected = true;
    peer.ticksSilent = 0;
    peer.live = true;
    if (rebooted) {
      this.#lost(nodeId, 'rebooted');
    }
  }

  down(nodeId: NodeId, refused: boolean): void {
    const peer = this.#peer(nodeId);
    peer.connected = false;
    if (refused && peer.live) {
      peer.live = false;
      this.#lost(nodeId, 'refused');
    }
  }

  heard(nodeId: NodeId, clockOffsetMs: number, facts: NodeFacts = noFacts): void {
    const peer = this.#peer(nodeId);
    peer.ticksSilent = 0;
    peer.live = true;
    peer.clockOffsetMs = clockOffsetMs;
    peer.facts = facts;
  }

  tick(): void {
    for (const [nodeId, peer] of this.#peers) {
      peer.ticksSilent += 1;
      if (peer.live && peer.ticksSilent >= this.#silentTicks) {
        peer.live = false;
        this.#lost(nodeId, 'silent');
      }
    }
  }
}
