/**
 * What the local cluster changes in the host's network, and how it is changed back: addresses on
 * `lo`, forwarding, rules of iptables. Rules that kube-proxy, kubelet and the network plugins add
 * are told by their chains: those that were not there before the cluster came.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { run, tryRun } from '../lib/command.ts';
import { apiAddress, dnsAddress, podRange, serviceRange } from './addresses.ts';
import type { NodeAddress } from './addresses.ts';
import { note } from './journal.ts';

/** Chains of Kubernetes and of the CNI plugins. */
const clusterChain = /^(KUBE-|CNI-)/;
const forwarding = '/proc/sys/net/ipv4/ip_forward';
const families = ['iptables', 'ip6tables'] as const;
const comment = ['-m', 'comment', '--comment', 'dynakv-e2e'];
/** Pods may be routed also where the host forwards nothing else, as hosts with Docker do. */
const forwardRules = ['-s', '-d'].map((side) => [
  ...['FORWARD', side, podRange, ...comment, '-j', 'ACCEPT'],
]);
/** What is still on its way to a Service here has none: without this it would leave the host. */
const refusalRules = ['FORWARD', 'OUTPUT'].map((chain) => [
  ...[chain, '-d', serviceRange, '-p', 'tcp', ...comment],
  ...['-j', 'REJECT', '--reject-with', 'tcp-reset'],
]);
const ownRules = [...forwardRules, ...refusalRules];
/**
 * A pod that is gone has no route of its own any more, so what kube-proxy still sends to it would
 * leave by the default route, and whoever answers there would be taken for the database. A rule of
 * iptables sees the route from before the address was translated; a route does not.
 */
const lostPods = ['unreachable', podRange];

interface InterfaceView {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local?: string }[];
}

/** Addresses that the cluster would need and this host has: of another cluster, say. */
export async function takenAddresses(nodes: readonly NodeAddress[]): Promise<readonly string[]> {
  const wanted = new Set([apiAddress, dnsAddress, ...nodes.map((node) => node.address)]);
  const views = JSON.parse(await run('ip', ['-j', 'address'])) as readonly InterfaceView[];
  return views.flatMap((view) =>
    view.addr_info.flatMap(({ local }) =>
      local !== undefined && wanted.has(local) ? [`${local} on ${view.ifname}`] : [],
    ),
  );
}

/** Adds addresses, forwarding and the rules for pods, each noted first. */
export async function openNetwork(nodes: readonly NodeAddress[]): Promise<void> {
  note({ kind: 'chains', before: await listChains() });
  for (const address of [apiAddress, dnsAddress, ...nodes.map((node) => node.address)]) {
    note({ kind: 'address', address });
    await run('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
  }
  const before = readFileSync(forwarding, 'utf8').trim();
  if (before !== '1') {
    note({ kind: 'sysctl', file: forwarding, before });
    writeFileSync(forwarding, '1\n');
  }
  for (const rule of ownRules) {
    await run('iptables', ['-w', '-I', ...rule]);
  }
  await run('ip', ['route', 'replace', ...lostPods]);
}

/** Takes an address away, if it is still there. */
export async function removeAddress(address: string): Promise<void> {
  await tryRun('ip', ['address', 'del', `${address}/32`, 'dev', 'lo']);
}

/** Chains of a cluster in all tables, as `family table chain`. */
export async function listChains(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const family of families) {
    const { code, stdout } = await tryRun(`${family}-save`, []);
    // No IPv6 in the kernel: no chains.
    for (const { table, chain } of code === 0 ? parseChains(stdout) : []) {
      found.push(`${family} ${table} ${chain}`);
    }
  }
  return found;
}

/** The cluster chains in the output of iptables-save. */
export function parseChains(text: string): readonly { table: string; chain: string }[] {
  let table = '';
  const found: { table: string; chain: string }[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = line.slice(1);
    }
    const chain = /^:(\S+)/.exec(line)?.[1];
    if (chain !== undefined && clusterChain.test(chain)) {
      found.push({ table, chain });
    }
  }
  return found;
}

/**
 * Input for iptables-restore that removes chains, with every rule that jumps to one of them or
 * stands in one; all other rules stay as they are.
 */
export function removalScript(text: string, chains: ReadonlySet<string>): string {
  const lines: string[] = [];
  let table = '';
  const drop: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = line.slice(1);
      lines.push(line);
    } else if (line === 'COMMIT') {
      lines.push(...drop.splice(0), line);
    } else if (line.startsWith(':')) {
      const chain = line.slice(1).split(' ')[0] ?? '';
      if (chains.has(`${table} ${chain}`)) {
        // Naming a chain empties it, also when other chains still jump to it.
        lines.push(`:${chain} - [0:0]`);
        drop.push(`-X ${chain}`);
      }
    } else if (line.startsWith('-A ')) {
      const [, own = ''] = line.split(' ');
      const target = / -[jg] (\S+)/.exec(line)?.[1] ?? '';
      if (!chains.has(`${table} ${own}`) && chains.has(`${table} ${target}`)) {
        lines.push(line.replace('-A ', '-D '));
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Removes all cluster chains but those listed, and our own rules. */
export async function closeNetwork(before: readonly string[]): Promise<void> {
  for (const rule of ownRules) {
    while ((await tryRun('iptables', ['-w', '-D', ...rule])).code === 0) {
      // Once more: an interrupted run may have left its own.
    }
  }
  await tryRun('ip', ['route', 'del', ...lostPods]); // An interrupted run may not have come so far.
  for (const family of families) {
    const { code, stdout } = await tryRun(`${family}-save`, []);
    if (code !== 0) {
      continue;
    }
    const chains = parseChains(stdout)
      .filter(({ table, chain }) => !before.includes(`${family} ${table} ${chain}`))
      .map(({ table, chain }) => `${table} ${chain}`);
    if (chains.length > 0) {
      const input = removalScript(stdout, new Set(chains));
      await run(`${family}-restore`, ['-w', '--noflush'], { input });
    }
  }
}
