{{/* Name of the program, part of the selector: as the sealed-secrets chart's, so that its releases can be upgraded. */}}
{{- define "hs.name" -}}
{{- .Values.nameOverride | default "sealed-secrets" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the objects. */}}
{{- define "hs.fullname" -}}
{{- $name := include "hs.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hs.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "hs.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "hs.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "hs.selector" -}}
app.kubernetes.io/name: {{ include "hs.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A value as text. Numbers of a values file are floats, and from a million on those are printed as 1e+06. */}}
{{- define "hs.text" -}}
{{- if kindIs "float64" . }}{{ toJson . }}{{ else }}{{ toString . }}{{ end -}}
{{- end -}}

{{/* A value that may hold templates: text or YAML. */}}
{{- define "hs.render" -}}
{{- $text := ternary .value (toYaml .value) (kindIs "string" .value) -}}
{{- tpl $text .root -}}
{{- end -}}

{{/*
The metadata of an object. Arguments: root; suffix of the name; name instead of both; namespace ("none": the object has
none); labels and annotations: lists of maps, later ones win.
*/}}
{{- define "hs.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (printf "%s%s" (include "hs.fullname" $root) (.suffix | default "")) }}
{{- if ne (.namespace | default "") "none" }}
namespace: {{ .namespace | default (include "hs.namespace" $root) }}
{{- end }}
{{- $labels := dict "app.kubernetes.io/name" (include "hs.name" $root) "app.kubernetes.io/instance" $root.Release.Name "app.kubernetes.io/managed-by" $root.Release.Service "app.kubernetes.io/version" $root.Chart.AppVersion "app.kubernetes.io/part-of" "sealed-secrets" "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- range prepend (.labels | default list) $root.Values.commonLabels }}
{{- $labels = mergeOverwrite $labels (include "hs.render" (dict "value" (. | default dict) "root" $root) | fromYaml) }}
{{- end }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- $annotations := dict -}}
{{- range prepend (.annotations | default list) $root.Values.commonAnnotations }}
{{- $annotations = mergeOverwrite $annotations (include "hs.render" (dict "value" (. | default dict) "root" $root) | fromYaml) }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A port list and the rest of a Service. */}}
{{- define "hs.servicePorts" -}}
type: {{ .service.type }}
{{- with .service.loadBalancerClass }}
loadBalancerClass: {{ . }}
{{- end }}
ports:
  - name: {{ .port }}
    port: {{ .service.port }}
    targetPort: {{ .port }}
    {{- if and (ne .service.type "ClusterIP") .service.nodePort }}
    nodePort: {{ .service.nodePort }}
    {{- end }}
selector:
  {{- include "hs.selector" .root | nindent 2 }}
{{- end -}}

{{/* k=v,k=v of a map of strings. */}}
{{- define "hs.pairs" -}}
{{- $pairs := list -}}
{{- range $k, $v := .map -}}
{{- if not (and $v (kindIs "string" $v)) -}}
{{- fail (printf "%s.%s: the value has to be a string" $.name $k) -}}
{{- end -}}
{{- if or (contains "," $v) (contains "=" $v) -}}
{{- fail (printf "%s.%s: no `,` and no `=` in the value: the flag that carries it has no quoting" $.name $k) -}}
{{- end -}}
{{- $pairs = append $pairs (printf "%s=%s" $k $v) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{/* What the reconciler may do, in each namespace that it looks after. */}}
{{- define "hs.rules" -}}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [get, list, watch]
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, create, update, {{ if .Values.oldGcBehavior }}delete, {{ end }}watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.rbac.restarts }}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, patch]
{{- end }}
{{- with .Values.additionalNamespaces }}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end -}}

{{/* A binding's end: to whom. */}}
{{- define "hs.subject" -}}
- kind: ServiceAccount
  name: {{ include "hs.serviceAccountName" . }}
  namespace: {{ include "hs.namespace" . }}
{{- end -}}
