{{- define "carillon.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* First part of the name of every object. Short enough for the longest suffix. */}}
{{- define "carillon.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "carillon.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "carillon.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector asks for. Never changes between versions: selectors of Deployments can't. Takes (dict "root" $ "component" "gateway"). */}}
{{- define "carillon.selectorLabels" -}}
app.kubernetes.io/name: {{ include "carillon.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of every object. Takes (dict "root" $ "component" "gateway" "more" "labels of this object, or nothing"). */}}
{{- define "carillon.labels" -}}
{{- $own := dict "app.kubernetes.io/version" .root.Chart.AppVersion "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- toYaml (mustMergeOverwrite $own (include "carillon.podLabels" . | fromYaml)) -}}
{{- end -}}

{{/* An image as Kubernetes wants it: a digest wins over a tag. Takes (dict "root" $ "image" .Values.image "tag" "default tag"). */}}
{{- define "carillon.image" -}}
{{- $registry := (.root.Values.global).imageRegistry | default .image.registry -}}
{{- if $registry }}{{ trimSuffix "/" $registry }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .tag }}{{ end -}}
{{- end -}}

{{- define "carillon.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "carillon.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The Service that clients connect to: the same name whatever stands behind it. */}}
{{- define "carillon.clientService" -}}
{{- include "carillon.fullname" . -}}
{{- end -}}

{{/* Type of that Service. */}}
{{- define "carillon.clientServiceType" -}}
{{- .Values.loadBalancer.service.type | default (ternary "LoadBalancer" "ClusterIP" (has .Values.loadBalancer.preset (list "cloud" "cilium"))) -}}
{{- end -}}

{{/* Port of that Service. */}}
{{- define "carillon.clientPort" -}}
{{- .Values.loadBalancer.service.port | default (ternary 443 80 (eq (include "carillon.terminatesTls" .) "true")) -}}
{{- end -}}

{{- define "carillon.usesEnvoy" -}}
{{- eq .Values.loadBalancer.preset "envoy" -}}
{{- end -}}

{{- define "carillon.terminatesTls" -}}
{{- and (eq .Values.loadBalancer.preset "envoy") (ne .Values.loadBalancer.envoy.tls.existingSecret "") -}}
{{- end -}}

{{/* A name in the cluster's DNS, with the dot behind it that keeps search domains out. Takes (dict "root" $ "name" "x"). */}}
{{- define "carillon.dnsName" -}}
{{- printf "%s.%s.svc.%s." .name .root.Release.Namespace .root.Values.clusterDomain -}}
{{- end -}}

{{/*
Labels of pods: the chart's own, over them those of the values, over these what selectors ask for. Without versions: a new chart that
changes nothing else must not restart anything. Takes the same.
*/}}
{{- define "carillon.podLabels" -}}
{{- $labels := dict "app.kubernetes.io/part-of" "carillon" -}}
{{- toYaml (mustMergeOverwrite $labels (.root.Values.commonLabels | default dict) (.more | default dict) (include "carillon.selectorLabels" . | fromYaml)) -}}
{{- end -}}
