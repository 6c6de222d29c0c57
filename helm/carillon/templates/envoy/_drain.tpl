{{/*
The container beside Envoy that has clients come back elsewhere when the pod ends: SIGTERM reaches it at once, and Envoy only after its
preStop hook. It reads its configuration again then, so a change of it restarts no Envoy. It is not asked how it is: an Envoy serves
whether or not it could be drained.
*/}}
{{- define "carillon.envoy.drain" -}}
{{- $drain := .Values.loadBalancer.envoy.drain -}}
{{- $image := deepCopy .Values.image -}}
{{- if or $drain.tag $drain.digest }}{{ $_ := mustMergeOverwrite $image (dict "tag" $drain.tag "digest" $drain.digest) }}{{ end -}}
- name: drain
  image: {{ include "carillon.image" (dict "root" . "image" $image "tag" .Chart.AppVersion) | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - drain
    - --on-sigterm
    # By which gateways know who came through this Envoy.
    - --via
    - $(POD_IPS)
    - --delay
    - {{ $drain.delaySeconds | quote }}
    - --spread
    - {{ $drain.spreadSeconds | quote }}
    - --config
    - /etc/carillon/config/carillon.yaml
  securityContext: {{- toYaml .Values.securityContext | nindent 4 }}
  env:
    - name: POD_IPS
      valueFrom: { fieldRef: { fieldPath: status.podIPs } }
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.extraEnvFrom }}
  envFrom: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $drain.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: config
      mountPath: /etc/carillon/config
      readOnly: true
    {{- include "carillon.natsMounts" . | nindent 4 }}
{{- end -}}
