{{/* Parts of pods. All of them keep Pod Security's "restricted". */}}

{{/* Takes (dict "root" $ "sysctls" list). */}}
{{- define "carillon.podSecurityContext" -}}
{{- $context := deepCopy (.root.Values.podSecurityContext | default dict) -}}
{{- with .sysctls }}{{ $_ := set $context "sysctls" . }}{{ end -}}
{{- toYaml $context -}}
{{- end -}}

{{- define "carillon.pullSecrets" -}}
{{- with concat ((.Values.global).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) | uniq }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Environment variables, each name once: the last one, as Kubernetes has it. Two of a name are refused by whoever applies on the server's side. */}}
{{- define "carillon.env" -}}
{{- $last := dict -}}
{{- range $index, $variable := . }}{{ $_ := set $last $variable.name $index }}{{ end -}}
{{- $kept := list -}}
{{- range $index, $variable := . }}{{ if eq $index (get $last $variable.name) }}{{ $kept = append $kept $variable }}{{ end }}{{ end -}}
{{- toYaml $kept -}}
{{- end -}}

{{/* Where pods may run. Takes (dict "root" $ "component" "gateway" "values" .Values.gateway "isDeployment" true). */}}
{{- define "carillon.scheduling" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range .values.topologySpreadConstraints }}
{{- $constraint := deepCopy . }}
{{- if not .labelSelector }}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "carillon.selectorLabels" $ | fromYaml)) }}
{{- if not .matchLabelKeys }}{{ $_ := set $constraint "matchLabelKeys" (list "pod-template-hash") }}{{ end }}
{{- end }}
  - {{- toYaml $constraint | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A pod of Carillon itself. Takes (dict "root" $ "role" "gateway" "values" .Values.gateway "graceSeconds" 85 "port" 8080). */}}
{{- define "carillon.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "carillon.podLabels" (dict "root" $root "component" .role "more" .values.podLabels) | nindent 4 }}
  annotations:
    {{- toYaml (mustMergeOverwrite (dict) (.values.podAnnotations | default dict) (include "carillon.checksums" $root | fromYaml)) | nindent 4 }}
spec:
  serviceAccountName: {{ include "carillon.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .graceSeconds }}
  securityContext:
    {{- include "carillon.podSecurityContext" (dict "root" $root) | nindent 4 }}
  {{- include "carillon.pullSecrets" $root | nindent 2 }}
  {{- include "carillon.scheduling" (dict "root" $root "component" .role "values" .values) | nindent 2 }}
  {{- with .values.initContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .role }}
      image: {{ include "carillon.image" (dict "root" $root "image" $root.Values.image "tag" $root.Chart.AppVersion) | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ .role | quote }}, "--config", "/etc/carillon/config/carillon.yaml"]
      securityContext: {{- toYaml $root.Values.securityContext | nindent 8 }}
      {{- with concat ($root.Values.extraEnv | default list) (.values.extraEnv | default list) }}
      env: {{- include "carillon.env" . | nindent 8 }}
      {{- end }}
      {{- with concat ($root.Values.extraEnvFrom | default list) (.values.extraEnvFrom | default list) }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if .port }}
        - name: {{ ternary "ws" "http" (eq .role "gateway") }}
          containerPort: {{ .port }}
        {{- end }}
        - name: admin
          containerPort: 9090
      # Up to two minutes for the connection to NATS and what is loaded from it.
      startupProbe:
        httpGet: { path: /healthz, port: admin }
        periodSeconds: 1
        failureThreshold: 120
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      # Only a loop that stands still: a restart costs all connections of the process.
      livenessProbe:
        httpGet: { path: /healthz, port: admin }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- with .values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        {{- include "carillon.mounts" $root | nindent 8 }}
        {{- with concat ($root.Values.extraVolumeMounts | default list) (.values.extraVolumeMounts | default list) }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "carillon.volumes" (dict "root" $root "natsSecret" .values.natsExistingSecret) | nindent 4 }}
    {{- with concat ($root.Values.extraVolumes | default list) (.values.extraVolumes | default list) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Folders, never single files: Kubernetes doesn't update a subPath mount, and processes watch these files. */}}
{{- define "carillon.mounts" -}}
- name: config
  mountPath: /etc/carillon/config
  readOnly: true
{{- if include "carillon.secretName" . }}
- name: secrets
  mountPath: /etc/carillon/secrets
  readOnly: true
{{- end }}
{{- include "carillon.natsMounts" . }}
{{- end -}}

{{- define "carillon.natsMounts" -}}
{{- if ne .Values.nats.auth.method "none" }}
- name: nats-auth
  mountPath: /etc/carillon/nats-auth
  readOnly: true
{{- end }}
{{- if .Values.nats.tls.existingSecret }}
- name: nats-tls
  mountPath: /etc/carillon/nats-tls
  readOnly: true
{{- end }}
{{- end -}}

{{/* Takes (dict "root" $ "natsSecret" "name of a role's own credentials, or nothing"). */}}
{{- define "carillon.volumes" -}}
{{- $values := .root.Values -}}
- name: config
  configMap:
    name: {{ include "carillon.fullname" .root }}
{{- with include "carillon.secretName" .root }}
- name: secrets
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- include "carillon.natsVolumes" . }}
{{- end -}}

{{/* Takes the same. */}}
{{- define "carillon.natsVolumes" -}}
{{- $values := .root.Values -}}
{{- if ne $values.nats.auth.method "none" }}
- name: nats-auth
  secret:
    secretName: {{ .natsSecret | default $values.nats.auth.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- with $values.nats.tls.existingSecret }}
- name: nats-tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end -}}
