{{/* What the two kinds of network policies have in common: who may talk to whom. */}}

{{/* Whether some process fetches keys for connection tokens from elsewhere. */}}
{{- define "carillon.fetchesKeys" -}}
{{- contains "\"jwksUrl\"" (toJson .Values.config.apps) -}}
{{- end -}}

{{/* A component of the release as a peer. Takes (dict "root" $ "component" "gateway"). */}}
{{- define "carillon.network.peer" -}}
podSelector:
  matchLabels: {{- include "carillon.selectorLabels" . | nindent 4 }}
{{- end -}}

{{/* Peers, and the pod of `helm test` where not everybody may come. Takes (dict "root" $ "peers" …). */}}
{{- define "carillon.network.withCheck" -}}
{{- if .peers -}}
- {{ include "carillon.network.peer" (dict "root" .root "component" "check") | nindent 2 | trim }}
{{ toYaml .peers }}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* Parts of a NetworkPolicy. */}}
{{- define "carillon.network.dns" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}

{{- define "carillon.network.nats" -}}
- ports:
    - { port: {{ .Values.networkPolicy.nats.port }}, protocol: TCP }
  {{- if .Values.nats.builtIn.enabled }}
  to:
    - podSelector:
        matchLabels: {{- include "carillon.selectorLabels" (dict "root" . "component" "nats") | nindent 10 }}
  {{- else if .Values.networkPolicy.nats.to }}
  to: {{- toYaml .Values.networkPolicy.nats.to | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "carillon.network.collector" -}}
{{- if (.Values.config.tracing).enabled -}}
# Traces.
- ports:
    - { port: {{ .Values.networkPolicy.collector.port }}, protocol: TCP }
  {{- with .Values.networkPolicy.collector.to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "carillon.network.monitoring" -}}
- ports:
    - { port: {{ .port }}, protocol: TCP }
  {{- with .root.Values.networkPolicy.monitoringFrom }}
  from: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The head of a policy. Takes (dict "root" $ "component" "gateway"). */}}
{{- define "carillon.network.head" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ printf "%s-%s" (include "carillon.fullname" .root) .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "carillon.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "carillon.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}
