{{/*
CarillonTargetDown knows targets by a job with carillon in its name. That is the PodMonitor's own name, unless the release has another one.
Takes (dict "root" $ "name" "name of the PodMonitor").
*/}}
{{- define "carillon.jobRelabelings" -}}
{{- if not (contains "carillon" .name) -}}
{{- toYaml (list (dict "targetLabel" "job" "replacement" (printf "%s/carillon-%s" .root.Release.Namespace .name))) -}}
{{- end -}}
{{- end -}}
