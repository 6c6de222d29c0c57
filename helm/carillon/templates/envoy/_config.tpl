{{/* Envoy's configuration. Every number that is not Envoy's own default is here for a reason, which stands beside it. */}}
{{- define "carillon.envoy.config" -}}
{{- $envoy := .Values.loadBalancer.envoy -}}
# Envoy wants a name for whatever asks for a certificate, even of a file.
node: { id: envoy, cluster: {{ include "carillon.fullname" . }} }
admin:
  # For this pod alone: what the outside may see goes through the listener "status".
  address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }
overload_manager:
  resource_monitors:
    - name: envoy.resource_monitors.global_downstream_max_connections
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig
        max_active_downstream_connections: {{ $envoy.maxConnections | int64 }}
static_resources:
  listeners:
    - name: clients
      address: { socket_address: { address: {{ .Values.listenHost | quote }}, port_value: 8000{{ if contains ":" .Values.listenHost }}, ipv4_compat: true{{ end }} } }
      filter_chains:
        - filters:
            {{- if eq $envoy.mode "http" }}
            {{- include "carillon.envoy.http" . | nindent 12 }}
            {{- else }}
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: clients
                cluster: gateways
                # Gateways ping their clients, so nothing is idle for that long.
                idle_timeout: 3600s
                # A gateway that died a moment ago is still in the table: by the next attempt it is ejected.
                max_connect_attempts: 5
                backoff_options: { base_interval: 0.2s, max_interval: 1s }
                hash_policy: [{ source_ip: {} }]
            {{- end }}
          {{- if eq (include "carillon.terminatesTls" .) "true" }}
          # For clients that connect and then say nothing.
          transport_socket_connect_timeout: 10s
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: [http/1.1]
                tls_params: { tls_minimum_protocol_version: TLSv1_2 }
                # Read again when the Secret changes: a renewed certificate needs no restart.
                tls_certificate_sds_secret_configs:
                  - name: certificate
                    sds_config:
                      path_config_source:
                        path: /etc/envoy/certificate.yaml
          {{- end }}
    - name: status
      address: { socket_address: { address: {{ .Values.listenHost | quote }}, port_value: 9902{{ if contains ":" .Values.listenHost }}, ipv4_compat: true{{ end }} } }
      # So that probes are answered when clients have taken all connections.
      ignore_global_conn_limit: true
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: status
                route_config:
                  virtual_hosts:
                    - name: status
                      domains: ["*"]
                      routes:
                        - match: { path: /ready }
                          route: { cluster: admin }
                        - match: { path: /stats/prometheus }
                          route: { cluster: admin }
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
    - name: admin
      type: STATIC
      load_assignment:
        cluster_name: admin
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
    - name: gateways
      # Each address behind the name is a host, looked up every second: the table follows within that.
      cluster_type:
        name: envoy.clusters.dns
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster
          dns_refresh_rate: 1s
          dns_failure_refresh_rate: { base_interval: 1s, max_interval: 1s }
          dns_lookup_family: {{ $envoy.dnsLookupFamily }}
      connect_timeout: 1s
      # The same table on every Envoy, whatever the order of the addresses; about one in N clients moves when one of N gateways leaves.
      lb_policy: MAGLEV
      common_lb_config:
        # Below half of the hosts healthy Envoy would otherwise send clients to dead ones as well.
        healthy_panic_threshold: { value: 0 }
      # Otherwise a gateway that has left stays in the table for as long as it answers health checks: through all of its drain.
      ignore_health_on_host_removal: true
      circuit_breakers:
        thresholds:
          # The default is 1024 of each, and a WebSocket is a connection, and an open request, for as long as it lives.
          - max_connections: 1000000
            max_pending_requests: 1000000
            max_requests: 1000000
            max_retries: 1000
      # A gateway that refuses a connection, or doesn't answer in time, is out of the table at once, not only after the next check;
      # the next check that passes brings it back.
      outlier_detection:
        split_external_local_origin_errors: true
        consecutive_local_origin_failure: 1
        enforcing_consecutive_local_origin_failure: 100
        enforcing_local_origin_success_rate: 0
        enforcing_consecutive_5xx: 0
        enforcing_consecutive_gateway_failure: 0
        enforcing_success_rate: 0
        interval: 1s
        base_ejection_time: 2s
        max_ejection_time: 10s
        max_ejection_percent: 50
      health_checks:
        - timeout: 1s
          interval: 1s
          # Else one minute, while nobody has been sent to the host yet.
          no_traffic_interval: 1s
          unhealthy_threshold: 1
          healthy_threshold: 1
          http_health_check: { path: /readyz }
      load_assignment:
        cluster_name: gateways
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address:
                      address: {{ include "carillon.dnsName" (dict "root" . "name" (printf "%s-gateway-headless" (include "carillon.fullname" .))) }}
                      port_value: 8080
                  health_check_config: { port_value: 9090 }
{{- end -}}

{{/* HTTP in place of TCP: the gateway then learns the client's address by X-Forwarded-For. Four times the memory of TCP. */}}
{{- define "carillon.envoy.http" -}}
- name: envoy.filters.network.http_connection_manager
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    stat_prefix: clients
    codec_type: HTTP1
    # What a client wrote into X-Forwarded-For is not passed on as if it were true.
    use_remote_address: true
    xff_num_trusted_hops: 0
    request_headers_timeout: 10s
    # Open for as long as clients like; gateways end what is dead.
    stream_idle_timeout: 0s
    common_http_protocol_options: { idle_timeout: 3600s }
    upgrade_configs: [{ upgrade_type: websocket }]
    route_config:
      virtual_hosts:
        - name: gateways
          domains: ["*"]
          routes:
            - match: { prefix: / }
              route:
                cluster: gateways
                timeout: 0s
                hash_policy: [{ connection_properties: { source_ip: true } }]
                retry_policy: { retry_on: connect-failure, num_retries: 2 }
    http_filters:
      - name: envoy.filters.http.router
        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
{{- end -}}

{{- define "carillon.envoy.certificate" -}}
{{- $tls := .Values.loadBalancer.envoy.tls -}}
resources:
  - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
    name: certificate
    tls_certificate:
      certificate_chain: { filename: {{ printf "/etc/envoy-tls/%s" $tls.keys.certificate }} }
      private_key: { filename: {{ printf "/etc/envoy-tls/%s" $tls.keys.privateKey }} }
      watched_directory: { path: /etc/envoy-tls }
{{- end -}}
