{{- define "bailiwick.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "bailiwick.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "bailiwick.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "bailiwick.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "bailiwick.selector" -}}
app.kubernetes.io/name: {{ include "bailiwick.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bailiwick.operatorSelector" -}}
app.kubernetes.io/name: {{ include "bailiwick.name" . }}-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bailiwick.labels" -}}
{{ include "bailiwick.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "bailiwick.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "bailiwick.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "bailiwick.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* What every container of ours is told of OpenFGA. */}}
{{- define "bailiwick.engineEnv" -}}
- name: BAILIWICK_OPENFGA_URL
  value: {{ .Values.openfga.url | quote }}
{{- if hasKey .Values.secrets.keys "BAILIWICK_OPENFGA_TOKEN" }}
- name: BAILIWICK_OPENFGA_TOKEN_FILE
  value: /run/secrets/bailiwick/{{ .Values.secrets.keys.BAILIWICK_OPENFGA_TOKEN }}
{{- end }}
{{- if .Values.tls.openfga.secretName }}
- { name: BAILIWICK_OPENFGA_CA_FILE, value: /run/secrets/openfga-ca/ca.crt }
{{- end }}
{{- end -}}

{{- define "bailiwick.storeEnv" -}}
{{- if .Values.openfga.storeId -}}
- { name: BAILIWICK_OPENFGA_STORE_ID, value: {{ .Values.openfga.storeId | quote }} }
{{- else -}}
- { name: BAILIWICK_OPENFGA_STORE_ID_FILE, value: /run/bailiwick/store-id }
{{- end -}}
{{- end -}}

{{/* Where the authority of one of the two stores is found, in every container that asks it. */}}
{{- define "bailiwick.postgresCaMount" -}}
{{- if .Values.tls.postgres.secretName -}}
- { name: postgres-ca, mountPath: /run/secrets/postgres-ca, readOnly: true }
{{- end -}}
{{- end -}}

{{- define "bailiwick.openfgaCaMount" -}}
{{- if .Values.tls.openfga.secretName -}}
- { name: openfga-ca, mountPath: /run/secrets/openfga-ca, readOnly: true }
{{- end -}}
{{- end -}}

{{/* The file of checkpoints lies on a claim: the root is read-only. A sealer that takes over reads the last one there. */}}
{{- define "bailiwick.checkpointEnv" -}}
{{- if .Values.checkpoints.existingClaim -}}
- { name: BAILIWICK_AUDIT_CHECKPOINT_FILE, value: /var/lib/bailiwick/checkpoints/checkpoints.txt }
{{- end -}}
{{- end -}}

{{- define "bailiwick.checkpointVolume" -}}
{{- if .Values.checkpoints.existingClaim -}}
- name: checkpoints
  persistentVolumeClaim:
    claimName: {{ .Values.checkpoints.existingClaim }}
{{- end -}}
{{- end -}}

{{/* Finds the store by its name, and leaves its id where the service reads it. */}}
{{- define "bailiwick.storeContainer" -}}
- name: store
  image: {{ include "bailiwick.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [store, ensure, --name, {{ .Values.openfga.storeName | quote }}, --file, /run/bailiwick/store-id]
  env: {{- include "bailiwick.engineEnv" . | nindent 4 }}
  securityContext: {{- include "bailiwick.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - { name: secrets, mountPath: /run/secrets/bailiwick, readOnly: true }
    - { name: run, mountPath: /run/bailiwick }
    {{- with include "bailiwick.openfgaCaMount" . }}{{ . | nindent 4 }}{{ end }}
{{- end -}}

{{/* The service's container; `restartPolicy: Always` makes it a native sidecar. */}}
{{- define "bailiwick.container" -}}
- name: bailiwick
  image: {{ include "bailiwick.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [serve]
  {{- if eq .Values.mode "sidecar" }}
  restartPolicy: Always
  {{- end }}
  env:
    # Probes come from outside of the Pod: both ports listen on its address. NetworkPolicy says who may come.
    - { name: BAILIWICK_HOST, value: 0.0.0.0 }
    - { name: BAILIWICK_PORT, value: '7080' }
    - { name: BAILIWICK_MANAGEMENT_PORT, value: '7081' }
    {{- include "bailiwick.engineEnv" . | nindent 4 }}
    {{- include "bailiwick.storeEnv" . | nindent 4 }}
    {{- range $setting, $key := omit .Values.secrets.keys "BAILIWICK_OPENFGA_TOKEN" }}
    - { name: {{ $setting }}_FILE, value: {{ printf "/run/secrets/bailiwick/%s" $key | quote }} }
    {{- end }}
    {{- if and (eq .Values.mode "sidecar") .Values.sidecar.trustLoopback }}
    - { name: BAILIWICK_TRUST_LOOPBACK, value: 'yes' }
    {{- end }}
    {{- with include "bailiwick.checkpointEnv" . }}{{ . | nindent 4 }}{{ end }}
    {{- range $name, $value := .Values.settings }}
    - { name: {{ $name }}, value: {{ $value | quote }} }
    {{- end }}
  ports:
    - { name: http, containerPort: 7080 }
    - { name: management, containerPort: 7081 }
  {{- if eq .Values.mode "sidecar" }}
  # Holds back the app's container until decisions can be had. Past the threshold the container is killed, and starts anew.
  startupProbe:
    httpGet: { path: /readyz, port: management }
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: {{ int .Values.sidecar.startupFailureThreshold }}
  {{- else }}
  # Of the process alone: whatever it waits for, an outage or a store to be filled, it is not ready, and is left alone.
  startupProbe:
    httpGet: { path: /livez, port: management }
    periodSeconds: 1
    failureThreshold: 120
  {{- end }}
  livenessProbe:
    httpGet: { path: /livez, port: management }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: { path: /readyz, port: management }
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 3
  securityContext: {{- include "bailiwick.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - { name: secrets, mountPath: /run/secrets/bailiwick, readOnly: true }
    - { name: run, mountPath: /run/bailiwick, readOnly: true }
    {{- if .Values.checkpoints.existingClaim }}
    - { name: checkpoints, mountPath: /var/lib/bailiwick/checkpoints }
    {{- end }}
    {{- with include "bailiwick.postgresCaMount" . }}{{ . | nindent 4 }}{{ end }}
    {{- with include "bailiwick.openfgaCaMount" . }}{{ . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "bailiwick.volumes" -}}
- name: secrets
  secret:
    secretName: {{ .Values.secrets.name }}
    defaultMode: 0440
{{ include "bailiwick.storeVolumes" . }}
{{- end -}}

{{/* What belongs to the two stores: where the id is left, and the authorities. */}}
{{- define "bailiwick.storeVolumes" -}}
- name: run
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- range $store, $authority := .Values.tls }}
{{- if $authority.secretName }}
- name: {{ $store }}-ca
  secret:
    secretName: {{ $authority.secretName }}
    items: [{ key: {{ $authority.key | quote }}, path: ca.crt }]
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end -}}
