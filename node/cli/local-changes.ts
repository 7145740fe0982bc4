/**
 * What people ask of a running local cluster: one node more, one for good less, one killed, one
 * started again. Joining and removing are the cluster's own (admin API); this file adds processes,
 * folders and ports to them, one change of the members at a time.
 *
 * Invariant: a node that was to join is finished, by the next launcher if need be, or named.
 */
import { changeNode, findNode } from '../verbs/fenced-change.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';
import type { ClusterControl } from './cluster-control.ts';
import type { ControlAnswer, ControlRequest } from './control-socket.ts';
import { pause, pollMs } from './launcher-world.ts';
import type { Launcher, LocalProcess } from './local-launcher.ts';
import {
  clientUrl,
  describeNode,
  memberView,
  nodePorts,
  peerEndpoint,
  placeMax,
  planNode,
} from './local-plan.ts';
import { findBusyPort } from './port-probe.ts';

type Say = (text: string) => void;

/** A join waits for the system group, which may be electing. */
const joinMsMax = 60 * secondMs;
/** The new node gets the whole catalog first. */
const readyMsMax = 120 * secondMs;
/** A removed node notes that on its disk; one that is away cannot. */
const noticeMsMax = 10 * secondMs;
/** Before a failed call is made again. */
const retryMs = 300;

const owner = 'person';

export class LocalChanges {
  readonly #launcher: Launcher;
  #underWay: string | undefined;

  constructor(launcher: Launcher) {
    this.#launcher = launcher;
  }

  async run(request: ControlRequest, say: Say): Promise<ControlAnswer> {
    const tell: Say = (text) => {
      say(text);
      this.#launcher.say(text);
    };
    switch (request.verb) {
      case 'add-node':
        return await this.#alone('add-node', () => this.#addNode(request.zone ?? '', tell));
      case 'remove':
        return await this.#alone(`remove ${request.node ?? ''}`, () =>
          this.#remove(this.#find(request.node), tell),
        );
      case 'kill':
        return await this.#kill(this.#find(request.node), tell);
      case 'start':
        return await this.#start(this.#find(request.node), tell);
      default:
        throw new DynakvError('Refused', 'Cannot understand the request: no such verb', {
          reason: 'UnknownVerb',
        });
    }
  }

  /** Finishes what an earlier launcher began. */
  resume(): void {
    const { processes } = this.#launcher;
    const joining = processes.filter(({ node }) => node.nodeId === 0);
    void this.#alone('add-node', async () => {
      for (const each of joining) {
        await this.#join(each, (text) => {
          this.#launcher.say(text);
        });
      }
      return {};
    }).catch((error: unknown) => {
      this.#launcher.say(`A node has not joined yet: ${messageOf(error)}`);
    });
  }

  async #alone(what: string, work: () => Promise<ControlAnswer>): Promise<ControlAnswer> {
    if (this.#underWay !== undefined) {
      throw new DynakvError('Refused', `Cannot do it now: ${this.#underWay} is under way`, {
        reason: 'OtherOperationInProgress',
      });
    }
    this.#underWay = what;
    try {
      return await work();
    } finally {
      this.#underWay = undefined;
    }
  }

  #find(name: string | undefined): LocalProcess {
    const { processes } = this.#launcher;
    const found = processes.find(({ node }) => node.name === name);
    if (found === undefined) {
      const known = processes.map(({ node }) => node.name).join(', ');
      throw new DynakvError('Refused', `Cannot find "${name ?? ''}": the nodes are ${known}`, {
        reason: 'UnknownNode',
      });
    }
    return found;
  }

  async #addNode(zone: string, say: Say): Promise<ControlAnswer> {
    const launcher = this.#launcher;
    const unfinished = launcher.processes.find(({ node }) => node.nodeId === 0);
    if (unfinished !== undefined) {
      say(`${unfinished.node.name} was to join before: it goes first`);
      return await this.#join(unfinished, say);
    }
    const place = Math.max(...launcher.cluster.members.map((each) => each.place)) + 1;
    if (place > placeMax) {
      throw new DynakvError(
        'Refused',
        `Cannot add a node: ${placeMax} have been here, no port is left`,
      );
    }
    const { port } = launcher.options;
    const member = { place, nodeId: 0, port, zone, removed: false };
    const busy = await findBusyPort('127.0.0.1', nodePorts(planNode(launcher.options, member)));
    if (busy !== undefined) {
      const message = `Cannot add a node: port ${busy} is held by another process; stop that one`;
      throw new DynakvError('Refused', message, { reason: 'PortBusy' });
    }
    const added = launcher.add(member);
    added.child.start();
    return await this.#join(added, say);
  }

  /** Every step finds what an earlier attempt has done. */
  async #join(added: LocalProcess, say: Say): Promise<ControlAnswer> {
    const launcher = this.#launcher;
    const { child } = added;
    if (child.pid === undefined) {
      await child.revive();
    }
    say(`Starting ${added.node.name} …`);
    await launcher.waitForNode(added);
    child.markUp();
    const others = launcher.processes.filter((each) => each.child !== child);
    const addresses = others
      .filter((each) => each.child.pid !== undefined)
      .map(({ node }) => peerEndpoint(node));
    const { clusterId } = launcher.cluster;
    const { nodeId } = await this.#insist(joinMsMax, async () => {
      const member = { ...memberView(added.node), nodeId: 0 };
      return await this.#ask(peerEndpoint(added.node), (control) =>
        control.joinCluster({ addresses, clusterId, member }),
      );
    });
    const { node } = launcher.change(added.node.place, { nodeId });
    say(`${node.name} has joined, and gets the catalog …`);
    const giveUpMs = performance.now() + readyMsMax;
    while (!(await this.#isReady(nodeId))) {
      if (performance.now() > giveUpMs || launcher.world.stop.aborted) {
        throw new DynakvError('Unavailable', `${node.name} has joined and is not ready yet`);
      }
      await pause(pollMs);
    }
    await this.#insist(joinMsMax, () =>
      this.#askAny((control) =>
        changeNode(control, nodeId, (fence) =>
          control.setNodeState({ fence, nodeId, state: 'active', owner }),
        ),
      ),
    );
    say(`${node.name} is active: shards move to it by themselves (rebalance --watch shows it)`);
    say(describeNode(node));
    return { node: node.name, nodeId, url: clientUrl(node) };
  }

  async #isReady(nodeId: number): Promise<boolean> {
    try {
      return (await this.#askAny((control) => findNode(control, nodeId))).ready;
    } catch {
      return false; // Asked again.
    }
  }

  async #remove({ node, child }: LocalProcess, say: Say): Promise<ControlAnswer> {
    const { nodeId, name, dataFolder } = node;
    await this.#askAny((control) =>
      changeNode(control, nodeId, (fence) => control.removeNode({ fence, nodeId })),
    );
    if (child.pid !== undefined) {
      // It notes that on its own disk, so that nobody starts it by mistake later.
      const giveUpMs = performance.now() + noticeMsMax;
      while (performance.now() < giveUpMs && child.pid !== undefined) {
        const state = await this.#ask(peerEndpoint(node), (control) => control.identify()).then(
          (identity) => identity.state,
          () => '',
        );
        if (state === 'removed') {
          break;
        }
        await pause(pollMs);
      }
    }
    await child.stop(this.#launcher.world.hurry);
    this.#launcher.change(node.place, { removed: true });
    say(`${name} is removed for good, its process ended; ${dataFolder} may be deleted`);
    return { node: name };
  }

  async #kill({ node, child }: LocalProcess, say: Say): Promise<ControlAnswer> {
    const { pid } = child;
    await child.kill();
    say(
      pid === undefined
        ? `${node.name} was not running, and stays down`
        : `${node.name} is killed (process ${pid}), and stays down until: start ${node.name}`,
    );
    return { node: node.name };
  }

  async #start(found: LocalProcess, say: Say): Promise<ControlAnswer> {
    const { node, child } = found;
    if (child.pid !== undefined) {
      say(`${node.name} runs already`);
      return { node: node.name };
    }
    await child.revive();
    await this.#launcher.waitForNode(found);
    say(`${node.name} runs again`);
    return { node: node.name };
  }

  async #ask<T>(endpoint: string, call: (control: ClusterControl) => Promise<T>): Promise<T> {
    const control = this.#launcher.world.connect(endpoint);
    try {
      return await call(control);
    } finally {
      control.close();
    }
  }

  /** Any node that answers: each passes a question on to the one that manages. */
  async #askAny<T>(call: (control: ClusterControl) => Promise<T>): Promise<T> {
    let failure: unknown = new DynakvError('Unavailable', 'No node runs');
    for (const { node, child } of this.#launcher.processes) {
      if (child.pid !== undefined && node.nodeId !== 0) {
        try {
          return await this.#ask(peerEndpoint(node), call);
        } catch (error) {
          if (isDynakvError(error) && error.retry === 'never') {
            throw error;
          }
          failure = error;
        }
      }
    }
    throw failure;
  }

  async #insist<T>(limitMs: number, call: () => Promise<T>): Promise<T> {
    const giveUpMs = performance.now() + limitMs;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const isFinal = isDynakvError(error) && error.retry === 'never';
        if (isFinal || performance.now() > giveUpMs || this.#launcher.world.stop.aborted) {
          throw error;
        }
      }
      await pause(retryMs);
    }
  }
}
