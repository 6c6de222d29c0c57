{{/* carillon.yaml: what stands under `config`, and what the chart itself decides (addresses, drain, NATS). */}}

{{/* Sections of the file that take effect only with a restart: all but apps and channels. */}}
{{- define "carillon.config.restarting" -}}
{{- $config := .Values.config -}}
{{- $host := dict "host" .Values.listenHost -}}
{{- $drain := dict "drain" (dict "delaySeconds" .Values.gateway.drain.delaySeconds "spreadSeconds" .Values.gateway.drain.spreadSeconds) -}}
{{- $gateway := mustMergeOverwrite (dict) ($config.gateway | default dict) $host (dict "port" 8080) $drain -}}
{{- if ne .Values.clientAddress.from "socket" -}}
{{- $address := dict "from" .Values.clientAddress.from -}}
{{- with .Values.clientAddress.trustedProxies }}{{ $_ := set $address "trustedProxies" . }}{{ end -}}
{{- if eq .Values.clientAddress.from "proxyProtocol" }}{{ $_ := set $address "force" true }}{{ end -}}
{{- $_ := set $gateway "clientAddress" $address -}}
{{- end -}}
{{- $publisher := mustMergeOverwrite (dict) ($config.publisher | default dict) $host (dict "port" 8081) -}}
{{- $nats := mustMergeOverwrite (dict) ($config.nats | default dict) (include "carillon.config.nats" . | fromYaml) -}}
{{- $sections := dict "gateway" $gateway "publisher" $publisher "nats" $nats -}}
{{- $_ := set $sections "admin" (mustMergeOverwrite $host (dict "port" 9090)) -}}
{{- with $config.webhooks }}{{ $_ := set $sections "webhooks" . }}{{ end -}}
{{- with $config.log }}{{ $_ := set $sections "log" . }}{{ end -}}
{{- with $config.tracing }}{{ $_ := set $sections "tracing" . }}{{ end -}}
{{- toYaml $sections -}}
{{- end -}}

{{/* The sections that running processes take over by themselves. */}}
{{- define "carillon.config.live" -}}
{{- $sections := dict "apps" .Values.config.apps -}}
{{- with .Values.config.channels }}{{ $_ := set $sections "channels" . }}{{ end -}}
{{- toYaml $sections -}}
{{- end -}}

{{/* How NATS is reached. Credentials are files of a mounted Secret, never texts in here. */}}
{{- define "carillon.config.nats" -}}
servers:
{{- if .Values.nats.builtIn.enabled }}
  - {{ printf "nats://%s-nats:4222" (include "carillon.fullname" .) | quote }}
{{- else }}
{{- range .Values.nats.servers }}
  - {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.nats.auth }}
{{- if ne .method "none" }}
credentials:
{{- if eq .method "userPassword" }}
  user: {{ printf "${file:/etc/carillon/nats-auth/%s}" .keys.user | quote }}
  password: {{ printf "${file:/etc/carillon/nats-auth/%s}" .keys.password | quote }}
{{- else if eq .method "token" }}
  token: {{ printf "${file:/etc/carillon/nats-auth/%s}" .keys.token | quote }}
{{- else if eq .method "nkey" }}
  nkeySeed: {{ printf "${file:/etc/carillon/nats-auth/%s}" .keys.nkeySeed | quote }}
{{- else }}
  credsFile: {{ printf "/etc/carillon/nats-auth/%s" .keys.creds | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.nats.tls }}
{{- if or .existingSecret .handshakeFirst }}
tls:
{{- if .existingSecret }}
  caFile: {{ printf "/etc/carillon/nats-tls/%s" .keys.ca | quote }}
{{- end }}
{{- if .clientCertificate }}
  certFile: {{ printf "/etc/carillon/nats-tls/%s" .keys.certificate | quote }}
  keyFile: {{ printf "/etc/carillon/nats-tls/%s" .keys.privateKey | quote }}
{{- end }}
{{- if .handshakeFirst }}
  handshakeFirst: true
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* How NATS is reached, and nothing else: for who needs no app. */}}
{{- define "carillon.config.natsOnly" -}}
{{- toYaml (dict "nats" (mustMergeOverwrite (dict) (.Values.config.nats | default dict) (include "carillon.config.nats" . | fromYaml))) -}}
{{- end -}}

{{/*
The settings whose secrets stand in the configuration itself, with commas between: whoever may read the ConfigMap may read these. A header
is known for a secret by its name.
*/}}
{{- define "carillon.plainSecrets" -}}
{{- $found := dict -}}
{{- range $index, $app := .Values.config.apps -}}
{{- $name := printf "config.apps[%d]" $index -}}
{{- $texts := dict "secrets" (kindIs "string" .secrets | ternary (list .secrets) .secrets) "publishSecret" (list .publishSecret) -}}
{{- range $key, $values := $texts -}}
{{- range $values -}}
{{- if and . (not (contains "${" .)) }}{{ $_ := set $found (printf "%s.%s" $name $key) true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range .webhooks -}}
{{- include "carillon.plainHeaders" (dict "found" $found "name" (printf "%s.webhooks" $name) "headers" .headers) -}}
{{- end -}}
{{- end -}}
{{- include "carillon.plainHeaders" (dict "found" $found "name" "config.tracing" "headers" (.Values.config.tracing).headers) -}}
{{- keys $found | sortAlpha | join ", " -}}
{{- end -}}

{{- define "carillon.plainHeaders" -}}
{{- range $header, $value := .headers -}}
{{- if and (regexMatch "(?i)authorization|cookie|key|token|secret|password" $header) (not (contains "${" $value)) -}}
{{- $_ := set $.found (printf "%s.headers" $.name) true -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "carillon.secretName" -}}
{{- if .Values.secrets.existingSecret -}}
{{- .Values.secrets.existingSecret -}}
{{- else if .Values.secrets.values -}}
{{- include "carillon.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* Annotations that roll the pods when something changes that a running process doesn't take over. */}}
{{- define "carillon.checksums" -}}
checksum/config: {{ include "carillon.config.restarting" . | sha256sum }}
{{- if .Values.restartOnAppChanges }}
checksum/apps: {{ include "carillon.config.live" . | sha256sum }}
checksum/secret: {{ toJson .Values.secrets.values | sha256sum }}
{{- end }}
{{- end -}}
