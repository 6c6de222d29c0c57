{{/* What the two kinds of network policies have in common: who may talk to whom. */}}

{{/* Whether some process fetches keys for connection tokens from elsewhere. */}}
{{- define "carillon.fetchesKeys" -}}
{{- contains "\"jwksUrl\"" (toJson .Values.config.apps) -}}
{{- end -}}

{{/* The port that a URL leads to. Takes (dict "url" "https://…" "otherwise" "the port where the URL says neither that nor http or https"). */}}
{{- define "carillon.network.portOf" -}}
{{- $url := lower .url -}}
{{- $named := regexReplaceAll "^[a-z]+://|[/?#].*$" $url "" | regexFind ":[0-9]+$" | trimPrefix ":" -}}
{{- $usual := ternary 443 (ternary 80 .otherwise (hasPrefix "http://" $url)) (hasPrefix "https://" $url) -}}
{{- $named | default $usual -}}
{{- end -}}

{{/* Ports, as policies of Kubernetes have them: the chosen one, else those of URLs. Takes (dict "chosen" 0 "urls" … "otherwise" 4222). */}}
{{- define "carillon.network.ports" -}}
{{- $ports := list -}}
{{- if .chosen -}}
{{- $ports = list (int .chosen) -}}
{{- else -}}
{{- range .urls | default (list "") -}}
{{- $ports = append $ports (include "carillon.network.portOf" (dict "url" . "otherwise" $.otherwise) | int) -}}
{{- end -}}
{{- end -}}
{{- range $ports | uniq }}
- { port: {{ . }}, protocol: TCP }
{{- end }}
{{- end -}}

{{- define "carillon.network.natsPorts" -}}
{{- $builtIn := .Values.nats.builtIn.enabled -}}
{{- include "carillon.network.ports" (dict "chosen" (ternary 4222 .Values.networkPolicy.nats.port $builtIn) "urls" .Values.nats.servers "otherwise" 4222) -}}
{{- end -}}

{{- define "carillon.network.collectorPorts" -}}
{{- $endpoint := (.Values.config.tracing).endpoint | default "" -}}
{{- include "carillon.network.ports" (dict "chosen" .Values.networkPolicy.collector.port "urls" (list $endpoint) "otherwise" 4318) -}}
{{- end -}}

{{/* Ports of where keys for connection tokens are fetched. */}}
{{- define "carillon.network.keysPorts" -}}
{{- $urls := list -}}
{{- range .Values.config.apps }}{{ with (.token).jwksUrl }}{{ $urls = append $urls . }}{{ end }}{{ end -}}
{{- include "carillon.network.ports" (dict "urls" $urls "otherwise" 443) -}}
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
    {{- include "carillon.network.natsPorts" . | nindent 4 }}
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
    {{- include "carillon.network.collectorPorts" . | nindent 4 }}
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
