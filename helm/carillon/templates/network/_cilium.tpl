{{/*
Policies of Cilium out of the values that policies of Kubernetes take, as Cilium itself reads those: a label of a namespace has Cilium's prefix,
a selector without one is for pods of the policy's own namespace, and each peer gets a rule of its own, as selectors and addresses can't stand in one.
*/}}

{{- define "carillon.cilium.head" -}}
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {{ printf "%s-%s" (include "carillon.fullname" .root) .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "carillon.labels" . | nindent 4 }}
spec:
  endpointSelector:
    matchLabels: {{- include "carillon.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* What a peer selects, as JSON: endpoints or addresses, by what follows `from` or `to` in the name of Cilium's field. */}}
{{- define "carillon.cilium.peer" -}}
{{- if .ipBlock -}}
{{- toJson (dict "CIDRSet" (list .ipBlock)) -}}
{{- else -}}
{{- $pods := .podSelector | default dict -}}
{{- $labels := deepCopy ($pods.matchLabels | default dict) -}}
{{- $expressions := $pods.matchExpressions | default list -}}
{{- if hasKey . "namespaceSelector" -}}
{{- $namespaces := .namespaceSelector | default dict -}}
{{- $prefix := "k8s:io.cilium.k8s.namespace.labels." -}}
{{- range $key, $value := $namespaces.matchLabels -}}
{{- $_ := set $labels (print $prefix $key) $value -}}
{{- end -}}
{{- range $namespaces.matchExpressions -}}
{{- $expressions = append $expressions (merge (dict "key" (print $prefix .key)) .) -}}
{{- end -}}
{{- if not (or $namespaces.matchLabels $namespaces.matchExpressions) -}}
{{- $expressions = append $expressions (dict "key" "k8s:io.kubernetes.pod.namespace" "operator" "Exists") -}}
{{- end -}}
{{- end -}}
{{- $selector := dict -}}
{{- if $labels }}{{ $_ := set $selector "matchLabels" $labels }}{{ end -}}
{{- if $expressions }}{{ $_ := set $selector "matchExpressions" $expressions }}{{ end -}}
{{- toJson (dict "Endpoints" (list $selector)) -}}
{{- end -}}
{{- end -}}

{{/*
Rules for some peers, everybody when there are none, and some ports, all when there are none. Takes (dict "direction" "from" "peers" … "ports" …),
both lists as policies of Kubernetes have them.
*/}}
{{- define "carillon.cilium.rules" -}}
{{- $direction := .direction -}}
{{- $ports := list -}}
{{- range .ports -}}
{{- $port := dict "port" (toString (.port | default 0)) "protocol" (.protocol | default "TCP") -}}
{{- with .endPort }}{{ $_ := set $port "endPort" (int .) }}{{ end -}}
{{- $ports = append $ports $port -}}
{{- end -}}
{{- $whom := list -}}
{{- range .peers -}}
{{- $whom = append $whom (include "carillon.cilium.peer" . | fromJson) -}}
{{- else -}}
{{- $whom = list (dict "Entities" (list "all")) -}}
{{- end -}}
{{- $rules := list -}}
{{- range $whom -}}
{{- $rule := dict -}}
{{- range $kind, $selected := . }}{{ $_ := set $rule (print $direction $kind) $selected }}{{ end -}}
{{- if $ports }}{{ $_ := set $rule "toPorts" (list (dict "ports" $ports)) }}{{ end -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* Who may come to a port. Takes (dict "peers" … "port" …). */}}
{{- define "carillon.cilium.from" -}}
{{- include "carillon.cilium.rules" (dict "direction" "from" "peers" .peers "ports" (list (dict "port" .port))) -}}
{{- end -}}

{{- define "carillon.cilium.dns" -}}
- toEndpoints:
    - matchLabels: { k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns }
  toPorts:
    - ports: [{ port: "53", protocol: ANY }]
{{- end -}}

{{- define "carillon.cilium.nats" -}}
{{- $peers := .Values.networkPolicy.nats.to }}
{{- if .Values.nats.builtIn.enabled }}
{{- $peers = list (include "carillon.network.peer" (dict "root" . "component" "nats") | fromYaml) }}
{{- end -}}
{{ include "carillon.cilium.rules" (dict "direction" "to" "peers" $peers "ports" (include "carillon.network.natsPorts" . | fromYamlArray)) }}
{{- end -}}

{{/* What gateways and publishers may connect to: DNS, NATS, the collector of traces. */}}
{{- define "carillon.cilium.egress" -}}
{{ include "carillon.cilium.dns" . }}
{{ include "carillon.cilium.nats" . }}
{{- if (.Values.config.tracing).enabled }}
{{ include "carillon.cilium.rules" (dict "direction" "to" "peers" .Values.networkPolicy.collector.to "ports" (include "carillon.network.collectorPorts" . | fromYamlArray)) }}
{{- end }}
{{- end -}}

{{/* networkPolicy.extraEgress: rules of Kubernetes are translated, those of Cilium (toFQDNs, …) stand as they are. */}}
{{- define "carillon.cilium.extraEgress" -}}
{{- range .Values.networkPolicy.extraEgress }}
{{- if or (hasKey . "to") (hasKey . "ports") (not .) }}
{{ include "carillon.cilium.rules" (dict "direction" "to" "peers" .to "ports" .ports) }}
{{- else }}
{{ toYaml (list .) }}
{{- end }}
{{- end }}
{{- end -}}
