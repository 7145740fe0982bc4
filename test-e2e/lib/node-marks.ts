/** What a person does to a node: cordon it, taint it. */
import type { KubeClient } from './kube-client.ts';
import type { Node } from './kube-objects.ts';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

const refOf = (name: string) => ({ apiVersion: 'v1', kind: 'Node', name }) as const;

/** New pods go elsewhere; `false` takes it back. */
export async function cordon(client: KubeClient, node: string, on = true): Promise<void> {
  await client.patch(refOf(node), { spec: { unschedulable: on ? true : null } });
}

export async function addTaint(client: KubeClient, node: string, taint: Taint): Promise<void> {
  await changeTaints(client, node, (taints) => [...without(taints, taint.key), taint]);
}

export async function removeTaint(client: KubeClient, node: string, key: string): Promise<void> {
  await changeTaints(client, node, (taints) => without(taints, key));
}

const without = <T extends { readonly key: string }>(taints: readonly T[], key: string): T[] =>
  taints.filter((taint) => taint.key !== key);

async function changeTaints(
  client: KubeClient,
  name: string,
  change: (taints: readonly { readonly key: string }[]) => readonly { readonly key: string }[],
): Promise<void> {
  const node = await client.get<Node>(refOf(name));
  const { resourceVersion } = node.metadata;
  // The version makes a change by others in between a conflict instead of a loss.
  await client.patch(refOf(name), {
    metadata: { resourceVersion },
    spec: { taints: change(node.spec.taints ?? []) },
  });
}
