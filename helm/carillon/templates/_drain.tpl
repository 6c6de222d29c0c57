{{/*
Times that follow from the drain. None of them is a value of its own: a grace period shorter than the drain kills
connections, and a progress deadline shorter than a step of the rollout fails it.

A pod that is told to end (SIGTERM) says "not ready" at once and serves on for `delaySeconds`, while load balancers notice; then it
asks its clients, over `spreadSeconds`, to come back elsewhere. So no preStop hook is needed.
*/}}

{{/* Seconds for what comes after the drain: last closes, the connection to NATS, the end of the process. */}}
{{- define "carillon.marginSeconds" -}}15{{- end -}}

{{- define "carillon.gateway.graceSeconds" -}}
{{- add .Values.gateway.drain.delaySeconds .Values.gateway.drain.spreadSeconds (include "carillon.marginSeconds" . | int) -}}
{{- end -}}

{{/* A publisher answers what it has begun, for 15 seconds at most: as long as it repeats a publish that NATS didn't confirm. */}}
{{- define "carillon.publisher.graceSeconds" -}}
{{- add .Values.gateway.drain.delaySeconds 15 (include "carillon.marginSeconds" . | int) -}}
{{- end -}}

{{/* A webhook worker waits for the requests that it has begun. */}}
{{- define "carillon.webhooks.graceSeconds" -}}
{{- $timeout := include "carillon.seconds" (dig "timeoutSeconds" 10 (.Values.config.webhooks | default dict)) -}}
{{- add .Values.gateway.drain.delaySeconds ($timeout | int) (include "carillon.marginSeconds" . | int) -}}
{{- end -}}

{{/*
An Envoy passes bytes on until its clients have been asked to come back, and those asked again that came meanwhile: `carillon drain` looks
five times for these, which takes 18 seconds, and two more each time that a gateway does not answer.
*/}}
{{- define "carillon.envoy.drainSeconds" -}}
{{- with .Values.loadBalancer.envoy -}}
{{- ternary (max .drainSeconds (add .drain.delaySeconds .drain.spreadSeconds 25)) .drainSeconds .drain.enabled | int -}}
{{- end -}}
{{- end -}}

{{/* A new pod must be known to load balancers before an old one goes: that takes as long in both directions. */}}
{{- define "carillon.minReadySeconds" -}}
{{- .Values.gateway.drain.delaySeconds -}}
{{- end -}}

{{/*
The deadline's clock begins anew with each step of a rollout. The longest step waits for an old pod to go, and for a new one to be
scheduled (5 minutes: a new node may have to come) and to be ready for long enough. Takes (dict "root" $ "graceSeconds" 85).
*/}}
{{- define "carillon.progressDeadlineSeconds" -}}
{{- add 300 (.graceSeconds | int) (include "carillon.minReadySeconds" .root | int) -}}
{{- end -}}

{{/* Whole seconds of a duration as the configuration writes it: 90, "90", "500ms", "30s", "2m", "1h", "1d". */}}
{{- define "carillon.seconds" -}}
{{- $text := toString . -}}
{{- if hasSuffix "ms" $text }}{{ divf (trimSuffix "ms" $text | float64) 1000 | ceil | int }}
{{- else if hasSuffix "s" $text }}{{ trimSuffix "s" $text | int }}
{{- else if hasSuffix "m" $text }}{{ mul (trimSuffix "m" $text | int) 60 }}
{{- else if hasSuffix "h" $text }}{{ mul (trimSuffix "h" $text | int) 3600 }}
{{- else if hasSuffix "d" $text }}{{ mul (trimSuffix "d" $text | int) 86400 }}
{{- else }}{{ $text | float64 | int }}
{{- end -}}
{{- end -}}
