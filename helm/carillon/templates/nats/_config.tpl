{{- define "carillon.nats.config" -}}
port: 4222
http_port: 8222
server_name: {{ include "carillon.fullname" . }}-nats
jetstream {
  store_dir: /data
  max_file_store: {{ .Values.nats.builtIn.maxFileStore }}
  max_memory_store: 64MB
}
{{- end -}}
