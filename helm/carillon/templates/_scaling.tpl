{{/*
How gateways are scaled: out at once, in by one pod a drain, after ten quiet minutes. An autoscaler heeds no
disruption budget, so this is what keeps it from closing many connections at a time. Takes (dict "root" $ "behavior" map).
*/}}
{{- define "carillon.gateway.scaling" -}}
{{- $drain := min 1800 (max 60 (include "carillon.gateway.graceSeconds" .root | int)) -}}
{{- $down := dict "stabilizationWindowSeconds" 600 "policies" (list (dict "type" "Pods" "value" 1 "periodSeconds" $drain)) -}}
{{- $up := dict "stabilizationWindowSeconds" 0 "policies" (list (dict "type" "Percent" "value" 100 "periodSeconds" 30)) -}}
{{- toYaml (mustMergeOverwrite (dict "scaleDown" $down "scaleUp" $up) (deepCopy (.behavior | default dict))) -}}
{{- end -}}
