/**
 * ValidatingAdmissionPolicies: what rules of the CRD cannot say. A rule sees no deletion, and it
 * refuses or does not; a policy may also warn.
 */
import { apiGroup } from '../api/dynamo-cluster.ts';
import type { KubeObject } from '../api/kube-object.ts';

const group = 'admissionregistration.k8s.io/v1';

interface Policy {
  readonly name: string;
  readonly operations: readonly string[];
  readonly action: 'Deny' | 'Warn';
  readonly validations: readonly object[];
}

const policies: readonly Policy[] = [
  {
    name: 'dynakv-deletion-protection',
    operations: ['DELETE'],
    action: 'Deny',
    validations: [
      {
        // A namespace that is going takes everything along, or it would hang for ever.
        expression:
          '!oldObject.spec.deletionProtection || has(namespaceObject.metadata.deletionTimestamp)',
        messageExpression:
          "'spec.deletionProtection of ' + oldObject.metadata.name + ' is true: set it to false " +
          "before deleting the cluster'",
        reason: 'Forbidden',
      },
    ],
  },
  {
    name: 'dynakv-advice',
    operations: ['CREATE', 'UPDATE'],
    action: 'Warn',
    validations: [
      {
        expression: 'object.spec.replicas >= object.spec.replicationFactor',
        messageExpression:
          "'spec.replicas is ' + string(object.spec.replicas) + ' and spec.replicationFactor ' + " +
          "string(object.spec.replicationFactor) + ': each shard has fewer copies than wanted " +
          "until there are as many nodes'",
      },
      {
        expression: 'size(object.spec.update.skipPredicates) == 0',
        messageExpression:
          "'spec.update.skipPredicates is set: a roll does not ask ' + " +
          "object.spec.update.skipPredicates.join(', ')",
      },
    ],
  },
];

/** Each policy and its binding. */
export function admissionPolicies(): readonly KubeObject[] {
  return policies.flatMap(({ name, operations, action, validations }): KubeObject[] => {
    const metadata = { name, labels: { 'app.kubernetes.io/name': 'dynakv-operator' } };
    return [
      {
        apiVersion: group,
        kind: 'ValidatingAdmissionPolicy',
        metadata,
        spec: {
          failurePolicy: action === 'Deny' ? 'Fail' : 'Ignore',
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: [apiGroup],
                apiVersions: ['*'],
                operations,
                resources: ['dynamoclusters'],
              },
            ],
          },
          validations,
        },
      },
      {
        apiVersion: group,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata,
        spec: { policyName: name, validationActions: [action] },
      },
    ];
  });
}
