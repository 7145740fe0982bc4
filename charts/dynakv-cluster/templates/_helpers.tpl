{{/* Names of pods, claims and Services are made of it and must fit 63 characters. */}}
{{- define "dynakv-cluster.name" -}}
{{- $name := default .Release.Name .Values.nameOverride }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$" $name) }}
{{- fail (printf "Cannot name a cluster %q: at most 40 of a-z, 0-9 and -, beginning with a letter; set nameOverride" $name) }}
{{- end }}
{{- $name }}
{{- end }}

{{- define "dynakv-cluster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: dynakv
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "dynakv-cluster.testImage" -}}
{{- $image := default dict .Values.spec.image }}
{{- $tag := default (default .Chart.AppVersion .Values.spec.version) $image.tag }}
{{- $own := printf "%s:%s" (default "dynakv/dynakv" $image.repository) $tag }}
{{- if $image.digest }}
{{- $own = printf "%s@%s" (default "dynakv/dynakv" $image.repository) $image.digest }}
{{- end }}
{{- default $own .Values.test.image }}
{{- end }}
