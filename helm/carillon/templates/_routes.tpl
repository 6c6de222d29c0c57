{{/* Ways in by HTTP. Takes (dict "root" $ "component" "publisher" "service" "name" "port" 80 "values" .Values.publisher.ingress). */}}
{{- define "carillon.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .service }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "carillon.labels" (dict "root" .root "component" .component) | nindent 4 }}
  {{- with .values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .values.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- if .values.tlsSecret }}
  tls:
    - hosts: {{- toYaml .values.hosts | nindent 8 }}
      secretName: {{ .values.tlsSecret }}
  {{- end }}
  rules:
    {{- range .values.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ $.service }}
                port:
                  number: {{ $.port }}
    {{- end }}
{{- end -}}

{{/* Takes the same. Without timeouts: not all implementations know them, and some refuse the route for them. */}}
{{- define "carillon.httpRoute" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ .service }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "carillon.labels" (dict "root" .root "component" .component) | nindent 4 }}
  {{- with .values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs: {{- toYaml .values.parentRefs | nindent 4 }}
  {{- with .values.hosts }}
  hostnames: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    - backendRefs:
        - name: {{ .service }}
          port: {{ .port }}
{{- end -}}
