/**
 * What the values of the operator's chart may be. Unknown ones are refused, so that a slip of the
 * pen is not a setting that does nothing. A test compares it with `values.yaml`.
 */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
/** Of Kubernetes, which checks what is in it. */
const anyObject: Schema = { type: 'object' };
const anyList: Schema = { type: 'array' };
const texts: Schema = { type: 'object', additionalProperties: { type: 'string' } };

function group(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', additionalProperties: false, properties };
}

function whole(minimum: number, maximum: number): Schema {
  return { type: 'integer', minimum, maximum };
}

function choice(...values: readonly string[]): Schema {
  return { enum: values };
}

function matching(pattern: string): Schema {
  return { type: 'string', pattern };
}

const namespace = matching('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$');
const alertName = matching('^DynaKV[A-Za-z0-9]+$');
const duration = matching('^[1-9][0-9]*(s|m)$');

const ofImage = {
  image: group({
    repository: { type: 'string', minLength: 1 },
    tag: text,
    digest: matching('^(sha256:[a-f0-9]{64})?$'),
    pullPolicy: choice('Always', 'IfNotPresent', 'Never'),
  }),
  imagePullSecrets: { type: 'array', items: group({ name: text }) },
};

const ofPermissions = {
  rbac: group({
    create: flag,
    scope: choice('cluster', 'namespace'),
    persistentVolumes: flag,
    aggregate: flag,
  }),
  serviceAccount: group({ create: flag, name: text, annotations: texts }),
};

const ofPods = {
  resources: anyObject,
  podLabels: texts,
  podAnnotations: texts,
  priorityClassName: text,
  nodeSelector: texts,
  tolerations: anyList,
  affinity: anyObject,
  topologySpreadConstraints: anyList,
  podDisruptionBudget: group({ enabled: flag }),
  networkPolicy: group({ enabled: flag, allowFrom: anyList }),
};

const ofMonitoring = {
  metrics: group({
    service: group({ enabled: flag, port: whole(1, 65_535), annotations: texts }),
  }),
  monitoring: group({
    podMonitor: group({ enabled: flag, labels: texts, interval: duration }),
    prometheusRule: group({
      enabled: flag,
      labels: texts,
      runbookUrlPrefix: matching('^(https?://.+)?$'),
      disabled: { type: 'array', items: alertName },
    }),
    dashboards: group({ enabled: flag, labels: texts, annotations: texts }),
  }),
};

export function operatorValuesSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...group({
      nameOverride: text,
      fullnameOverride: text,
      // Charts that have this one as a part put values of their own there.
      global: { type: 'object', properties: { imageRegistry: text } },
      ...ofImage,
      replicas: whole(1, 10),
      defaultVersion: matching('^([A-Za-z0-9_][A-Za-z0-9._-]*)?$'),
      watchNamespaces: { type: 'array', uniqueItems: true, items: namespace },
      workers: whole(1, 64),
      logLevel: choice('error', 'warn', 'info', 'debug'),
      extraEnv: anyList,
      ...ofPermissions,
      crds: group({ enabled: flag, keep: flag }),
      admissionPolicies: group({ enabled: flag }),
      ...ofPods,
      ...ofMonitoring,
      extraObjects: { type: 'array', items: anyObject },
    }),
  };
}
