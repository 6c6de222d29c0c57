{{/* A Deployment of one of Carillon's own processes. Takes (dict "root" $ "role" "gateway" "values" .Values.gateway "graceSeconds" 85 "port" 8080 "maxSurge" "100%" "isScaled" false). */}}
{{- define "carillon.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ printf "%s-%s" (include "carillon.fullname" $root) .role }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "carillon.labels" (dict "root" $root "component" .role) | nindent 4 }}
  {{- with .values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not .isScaled }}
  replicas: {{ .values.replicas }}
  {{- else }}
  {{- /* Left out at the upgrade that turns the autoscaler on, it would be 1 until that one acts. So it stays what it is. */}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "carillon.fullname" $root) .role) }}
  replicas: {{ .spec.replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: {{ $root.Values.revisionHistoryLimit }}
  minReadySeconds: {{ include "carillon.minReadySeconds" $root }}
  progressDeadlineSeconds: {{ include "carillon.progressDeadlineSeconds" (dict "root" $root "graceSeconds" .graceSeconds) }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: {{ .maxSurge }}
  selector:
    matchLabels: {{- include "carillon.selectorLabels" (dict "root" $root "component" .role) | nindent 6 }}
  template:
    {{- include "carillon.pod" . | nindent 4 }}
{{- end -}}

{{/* Takes (dict "root" $ "component" "gateway"). One pod at a time: that is how slowly a node is emptied. */}}
{{- define "carillon.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ printf "%s-%s" (include "carillon.fullname" .root) .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "carillon.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  # A pod that never became ready holds no connections, and must not keep a node from being emptied.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "carillon.selectorLabels" . | nindent 6 }}
{{- end -}}
