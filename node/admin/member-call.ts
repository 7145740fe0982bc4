/** One call to another node's admin port, with its own connection; a failure says which node. */
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import { AdminClient } from './grpc-admin-client.ts';

export interface MemberPlace {
  readonly nodeId: number;
  readonly address: string;
}

/** Refusals of a member that another attempt does not change. */
const finalReasons: ReadonlySet<unknown> = new Set([
  'AlreadyMember',
  'AlreadyReserved',
  'OtherStore',
  'Removed',
]);

/** A member's own refusal keeps its reason; anything else may be tried again. */
export async function callMember<T>(
  { nodeId, address }: MemberPlace,
  options: { readonly channels: ChannelCredentialsSource; readonly deadlineMs: number },
  call: (client: AdminClient) => Promise<T>,
): Promise<T> {
  const client = new AdminClient({ address, ...options });
  try {
    return await call(client);
  } catch (error) {
    const reason = isDynakvError(error) ? error.facts['reason'] : undefined;
    const isFinal = finalReasons.has(reason);
    throw new DynakvError(
      isFinal ? 'WrongCluster' : 'Unavailable',
      `Cannot create the cluster: node ${nodeId} at ${address}: ${messageOf(error)}`,
      { reason: isFinal ? reason : 'MemberFailed', node: nodeId },
      error,
    );
  } finally {
    client.close();
  }
}
