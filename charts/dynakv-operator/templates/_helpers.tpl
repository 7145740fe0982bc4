{{- define "dynakv-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "dynakv-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "dynakv-operator.name" . }}
{{- if contains .Release.Name $name }}
{{- $name }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "dynakv-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "dynakv-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed with serviceAccount.create: false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Of selectors: never changed. */}}
{{- define "dynakv-operator.selectorLabels" -}}
app.kubernetes.io/name: dynakv-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of objects; pods do not get them, or every release would replace the pods. */}}
{{- define "dynakv-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "dynakv-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: dynakv
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "dynakv-operator.image" -}}
{{- $repository := .Values.image.repository }}
{{- with .Values.global.imageRegistry }}
{{- $repository = printf "%s/%s" . $repository }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The namespaces looked after, as a JSON object with the list in it; empty: all. */}}
{{- define "dynakv-operator.namespaces" -}}
{{- $names := .Values.watchNamespaces }}
{{- if and (not $names) (eq .Values.rbac.scope "namespace") }}
{{- $names = list .Release.Namespace }}
{{- end }}
{{- dict "names" $names | toJson }}
{{- end }}

{{- define "dynakv-operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "dynakv-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* What the operator may do in a namespace of clusters. Secrets are never listed or watched. */}}
{{- define "dynakv-operator.rules" -}}
- apiGroups: [dynakv.dev]
  resources: [dynamoclusters]
  verbs: [get, list, watch]
- apiGroups: [dynakv.dev]
  resources: [dynamoclusters/status]
  verbs: [patch]
- apiGroups: [dynakv.dev]
  resources: [dynamoclusters/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: ['']
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
- apiGroups: ['']
  resources: [services, configmaps, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules]
  verbs: [get, create, patch]
- apiGroups: ['']
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: ['']
  resources: [events]
  verbs: [create, patch]
{{- end }}
