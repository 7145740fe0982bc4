/**
 * The two parts of a cluster that serve all its pods: names (CoreDNS as a process of the host) and
 * Services (kube-proxy in iptables mode, one for all nodes, as they share this host's network).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsAddress, loopbackPorts, podRange } from './addresses.ts';
import type { Component } from './journal.ts';
import { runFolder } from './places.ts';

export interface ServiceSettings {
  readonly programs: Readonly<Record<string, string>>;
  readonly server: string;
  readonly logFolder: string;
  readonly dnsKubeconfig: string;
  readonly proxyKubeconfig: string;
  /** The node that kube-proxy speaks for, and its address. */
  readonly node: { readonly name: string; readonly address: string };
}

export function prepareNameServer(settings: ServiceSettings): Component {
  const file = join(runFolder, 'Corefile');
  const lines = [
    '.:53 {',
    `  bind ${dnsAddress}`,
    '  errors',
    `  health 127.0.0.1:${loopbackPorts.dnsHealth}`,
    `  ready 127.0.0.1:${loopbackPorts.dnsReady}`,
    '  kubernetes cluster.local in-addr.arpa {',
    `    endpoint ${settings.server}`,
    `    kubeconfig ${settings.dnsKubeconfig}`,
    '    pods insecure',
    // Addresses of pods change within tests; nobody may remember them for long.
    '    ttl 1',
    '  }',
    '}',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return {
    name: 'coredns',
    program: settings.programs['coredns'] ?? '',
    args: ['-conf', file],
    logFile: join(settings.logFolder, 'coredns.log'),
  };
}

export function prepareProxy(settings: ServiceSettings): Component {
  const file = join(runFolder, 'kube-proxy.json');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: settings.proxyKubeconfig },
    clusterCIDR: podRange,
    detectLocalMode: 'ClusterCIDR',
    hostnameOverride: settings.node.name,
    bindAddress: settings.node.address,
    healthzBindAddress: `127.0.0.1:${loopbackPorts.proxyHealth}`,
    metricsBindAddress: `127.0.0.1:${loopbackPorts.proxyMetrics}`,
    // The host's own connection tracking is none of a test's business.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { localhostNodePorts: false, minSyncPeriod: '0s' },
  };
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
  return {
    name: 'kube-proxy',
    program: settings.programs['kube-proxy'] ?? '',
    args: [`--config=${file}`],
    logFile: join(settings.logFolder, 'kube-proxy.log'),
  };
}
