{{- define "headgate.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "headgate.selector" -}}
app.kubernetes.io/name: headgate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "headgate.labels" -}}
app.kubernetes.io/name: headgate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "headgate.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "headgate.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "headgate.name" .) -}}
{{- end -}}

{{/* headgate.yaml: what values say, and what the chart knows better. */}}
{{- define "headgate.config" -}}
{{- $name := include "headgate.name" . -}}
{{- $here := list "${POD_IP}" $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) -}}
{{- $server := dict "host" "0.0.0.0" "port" 8080 "auth" "keys" "hosts" (concat $here .Values.hosts) "trusted_proxies" .Values.trustedProxies -}}
{{- $storage := dict "database" "${file:/run/secrets/headgate/database-url}" "shared" "${file:/run/secrets/headgate/redis-url}" "journal" (dict "folder" "/var/lib/headgate/journal") "migrate" (not .Values.migration.enabled) -}}
{{- $own := dict "server" $server "storage" $storage "audit" (dict "key" "${file:/run/secrets/headgate/audit-key}") -}}
{{- mustMergeOverwrite (deepCopy .Values.config) $own | toYaml -}}
{{- end -}}

{{- define "headgate.env" -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: HEADGATE_CONFIG
  value: /etc/headgate/headgate.yaml
- name: HEADGATE_ADMIN_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: admin-key}}
- name: HEADGATE_SECRET
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: headgate-secret}}
{{- end -}}

{{- define "headgate.mounts" -}}
- {name: config, mountPath: /etc/headgate, readOnly: true}
- {name: secret, mountPath: /run/secrets/headgate, readOnly: true}
- {name: journal, mountPath: /var/lib/headgate}
- {name: tmp, mountPath: /tmp}
{{- range .Values.extraSecrets }}
- {name: secret-{{ .name }}, mountPath: /run/secrets/{{ .name }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "headgate.volumes" -}}
- name: secret
  secret:
    secretName: {{ .Values.secret }}
    defaultMode: 0440
    items:
      - {key: audit-key, path: audit-key}
      - {key: database-url, path: database-url}
      - {key: redis-url, path: redis-url}
- name: journal
  emptyDir: {sizeLimit: {{ .Values.journal.sizeLimit }}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- range .Values.extraSecrets }}
- name: secret-{{ .name }}
  secret: {secretName: {{ .name }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "headgate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "headgate.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}
