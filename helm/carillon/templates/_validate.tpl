{{/* What the schema can't say: values that are wrong together. Every message says what to do. */}}
{{- define "carillon.validate" -}}
{{- if empty .Values.config.apps }}
{{- fail "\n\nconfig.apps is empty: nobody could connect. Name at least one app, as in docs/kubernetes.md:\n\n  config:\n    apps:\n      - id: \"1001\"\n        key: app-key\n        secrets: [\"${file:/etc/carillon/secrets/app-secret}\"]\n  secrets:\n    existingSecret: carillon-apps\n" }}
{{- end }}
{{- include "carillon.validate.name" . }}
{{- include "carillon.validate.nats" . }}
{{- include "carillon.validate.secrets" . }}
{{- include "carillon.validate.drain" . }}
{{- include "carillon.validate.scaling" . }}
{{- include "carillon.validate.clientAddress" . }}
{{- include "carillon.validate.routes" . }}
{{- end -}}

{{- define "carillon.validate.name" -}}
{{- $name := include "carillon.fullname" . }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $name) }}
{{- fail (printf "\n\nThe names of all objects would begin with %q, which is no name for a Service: set fullnameOverride to one of lower-case letters, digits and dashes, such as fullnameOverride=realtime.\n" $name) }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.nats" -}}
{{- with .Values.nats }}
{{- if and (empty .servers) (not .builtIn.enabled) }}
{{- fail "\n\nThere is no NATS: name your servers in nats.servers (\"nats://nats.example:4222\"), or for a trial set nats.builtIn.enabled=true.\n" }}
{{- end }}
{{- if and .servers .builtIn.enabled }}
{{- fail "\n\nnats.servers and nats.builtIn.enabled exclude each other: empty the list to use the built-in server, or switch that off.\n" }}
{{- end }}
{{- if and (ne .auth.method "none") .builtIn.enabled }}
{{- fail "\n\nThe built-in NATS has no accounts: leave nats.auth.method at \"none\", or run a NATS of your own (nats.servers).\n" }}
{{- end }}
{{- if and (ne .auth.method "none") (not .auth.existingSecret) }}
{{- fail (printf "\n\nnats.auth.method is %q, so nats.auth.existingSecret must name the Secret with the credentials.\n" .auth.method) }}
{{- end }}
{{- if and .auth.existingSecret (eq .auth.method "none") }}
{{- fail "\n\nnats.auth.existingSecret is set but nats.auth.method is \"none\": say what is in the Secret (userPassword, token, nkey or creds).\n" }}
{{- end }}
{{- if and .tls.clientCertificate (not .tls.existingSecret) }}
{{- fail "\n\nnats.tls.clientCertificate is true, so nats.tls.existingSecret must name the Secret that has the certificate, beside the authority's.\n" }}
{{- end }}
{{- range $name, $secret := dict "gateway" $.Values.gateway.natsExistingSecret "publisher" $.Values.publisher.natsExistingSecret "webhooks" $.Values.webhooks.natsExistingSecret "loadBalancer.envoy.drain" $.Values.loadBalancer.envoy.drain.natsExistingSecret }}
{{- if and $secret (eq $.Values.nats.auth.method "none") }}
{{- fail (printf "\n\n%s.natsExistingSecret is set but nats.auth.method is \"none\": say what is in the Secret (userPassword, token, nkey or creds), or take it out.\n" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.secrets" -}}
{{- with .Values.secrets }}
{{- if and .existingSecret .values }}
{{- fail "\n\nsecrets.existingSecret and secrets.values exclude each other: put everything into the existing Secret, or leave its name out.\n" }}
{{- end }}
{{- end }}
{{- $config := toJson .Values.config }}
{{- if and (contains "${file:/etc/carillon/secrets/" $config) (not (include "carillon.secretName" .)) }}
{{- fail "\n\nThe configuration reads files of /etc/carillon/secrets, but no Secret is mounted there: name one in secrets.existingSecret.\n" }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.drain" -}}
{{- range $where := list .Values.extraEnv .Values.gateway.extraEnv .Values.publisher.extraEnv .Values.webhooks.extraEnv }}
{{- range $where }}
{{- if hasPrefix "CARILLON_GATEWAY_DRAIN_" .name }}
{{- fail (printf "\n\n%s in extraEnv would change the drain behind the chart's back, and the grace period would not follow: set gateway.drain instead.\n" .name) }}
{{- end }}
{{- if has .name (list "CARILLON_PORT" "CARILLON_ADMIN_PORT" "CARILLON_CONFIG" "CARILLON_GATEWAY_PORT" "CARILLON_PUBLISHER_PORT") }}
{{- fail (printf "\n\n%s in extraEnv: ports and the configuration file are the chart's own, probes and Services rely on them. Take it out; a Service's port is publisher.service.port or loadBalancer.service.port.\n" .name) }}
{{- end }}
{{- if has .name (list "CARILLON_HOST" "CARILLON_ADMIN_HOST" "CARILLON_GATEWAY_HOST" "CARILLON_PUBLISHER_HOST") }}
{{- fail (printf "\n\n%s in extraEnv: the addresses that processes listen on are the chart's own, probes and Services rely on them. Take it out; for a cluster with IPv6 set listenHost=::.\n" .name) }}
{{- end }}
{{- if has .name (list "CARILLON_NATS" "CARILLON_NATS_SERVERS") }}
{{- fail (printf "\n\n%s in extraEnv would lead away from the NATS that network policies let through: name your servers in nats.servers instead.\n" .name) }}
{{- end }}
{{- if eq .name "CARILLON_GATEWAY_WORKERS" }}
{{- fail (printf "\n\n%s in extraEnv: a pod is one process, by which it is scaled and drained. Take it out; for more of them set gateway.replicas.\n" .name) }}
{{- end }}
{{- if eq .name "CARILLON_WEBHOOKS_TIMEOUT_SECONDS" }}
{{- fail (printf "\n\n%s in extraEnv: the worker's grace period would not follow. Set config.webhooks.timeoutSeconds instead.\n" .name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if contains "${" (toString (.Values.config.webhooks).timeoutSeconds) }}
{{- fail "\n\nconfig.webhooks.timeoutSeconds comes from elsewhere (\"${…}\"), but the chart has to know it: the worker's grace period follows from it. Write the number of seconds.\n" }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.scaling" -}}
{{- with .Values.gateway }}
{{- if and .autoscaling.enabled .keda.enabled }}
{{- fail "\n\ngateway.autoscaling and gateway.keda are both enabled, and would fight over the replicas: KEDA makes an autoscaler of its own. Switch one off.\n" }}
{{- end }}
{{- range $name, $scaler := dict "gateway.autoscaling" .autoscaling "gateway.keda" .keda "publisher.autoscaling" $.Values.publisher.autoscaling }}
{{- if and $scaler.enabled (gt (int $scaler.minReplicas) (int $scaler.maxReplicas)) }}
{{- fail (printf "\n\n%s.minReplicas is %d, more than maxReplicas, which is %d.\n" $name (int $scaler.minReplicas) (int $scaler.maxReplicas)) }}
{{- end }}
{{- end }}
{{- if and .keda.enabled (not .keda.prometheus) }}
{{- fail "\n\ngateway.keda.prometheus must name your Prometheus, such as http://prometheus.monitoring:9090.\n" }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.clientAddress" -}}
{{- $address := .Values.clientAddress }}
{{- if and (eq $address.from "xForwardedFor") (empty $address.trustedProxies) }}
{{- fail "\n\nclientAddress.from is \"xForwardedFor\", so clientAddress.trustedProxies must say whose word counts: the addresses of your proxies, such as the pods' range [\"10.0.0.0/8\"].\n" }}
{{- end }}
{{- if and (eq $address.from "xForwardedFor") (eq .Values.loadBalancer.preset "envoy") (ne .Values.loadBalancer.envoy.mode "http") }}
{{- fail "\n\nclientAddress.from is \"xForwardedFor\", but Envoy passes TCP through and adds no header: set loadBalancer.envoy.mode=http.\n" }}
{{- end }}
{{- if and (eq $address.from "proxyProtocol") (not $address.force) }}
{{- fail "\n\nclientAddress.from is \"proxyProtocol\", which the server library reads wrongly: connections are refused when the header comes alone, and a client may forge its address. Use \"socket\" or \"xForwardedFor\"; if you know what you do, set clientAddress.force=true.\n" }}
{{- end }}
{{- end -}}

{{- define "carillon.validate.routes" -}}
{{- with .Values.loadBalancer }}
{{- if and .envoy.tls.existingSecret (ne .preset "envoy") }}
{{- fail (printf "\n\nloadBalancer.envoy.tls.existingSecret is set, but with the preset %q there is no Envoy that could end TLS: let what stands in front of the gateways end it and take the Secret out, or set loadBalancer.preset=envoy.\n" .preset) }}
{{- end }}
{{- $type := include "carillon.clientServiceType" $ }}
{{- if and .service.nodePort (eq $type "ClusterIP") }}
{{- fail "\n\nloadBalancer.service.nodePort is set, but a Service of type ClusterIP has none: set loadBalancer.service.type to NodePort or LoadBalancer, or take the port out.\n" }}
{{- end }}
{{- range $key, $value := pick .service "loadBalancerClass" "loadBalancerSourceRanges" }}
{{- if and $value (ne $type "LoadBalancer") }}
{{- fail (printf "\n\nloadBalancer.service.%s is set, but the Service is of type %s, which has no load balancer of a cloud: set loadBalancer.service.type=LoadBalancer, or take it out (networkPolicy.clientsFrom says who may connect without one).\n" $key $type) }}
{{- end }}
{{- end }}
{{- if and (or .ingress.enabled .httpRoute.enabled) (ne .preset "none") }}
{{- fail (printf "\n\nloadBalancer.ingress and loadBalancer.httpRoute lead to gateways through proxies, so the preset %q would take the proxies' addresses for those of clients, and send everybody to few gateways: set loadBalancer.preset=none.\n" .preset) }}
{{- end }}
{{- end }}
{{- if and (hasKey .Values "enabled") (not .Values.enabled) }}
{{- fail "\n\nenabled is false, which is for a chart that has this one as a part: give that part `condition: carillon.enabled` in its Chart.yaml.\n" }}
{{- end }}
{{- range $key, $route := pick .Values.publisher "ingress" "httpRoute" }}
{{- if and $route.enabled (not $.Values.publisher.enabled) }}
{{- fail (printf "\n\npublisher.%s.enabled leads to publishers, but publisher.enabled is false, so there are none: switch one of the two.\n" $key) }}
{{- end }}
{{- end }}
{{- range $name, $route := dict "loadBalancer" .Values.loadBalancer "publisher" .Values.publisher }}
{{- if and $route.ingress.enabled (empty $route.ingress.hosts) }}
{{- fail (printf "\n\n%s.ingress.enabled needs hosts: %s.ingress.hosts=[realtime.example.com].\n" $name $name) }}
{{- end }}
{{- if and $route.httpRoute.enabled (empty $route.httpRoute.parentRefs) }}
{{- fail (printf "\n\n%s.httpRoute.enabled needs the Gateway that it belongs to: %s.httpRoute.parentRefs=[{name: ...}].\n" $name $name) }}
{{- end }}
{{- end }}
{{- end -}}
