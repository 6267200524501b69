#!/usr/bin/env bash
# The demonstration in a cluster: what the make targets kube-deploy, kube-verdict, kube-fleet,
# kube-delete, istio-inject run. Settings are variables:
#   OVERLAY     a folder of overlays/ (service)      NAMESPACE   made if it is not there (lbdemo)
#   IMAGE       NAME:TAG (localhost/lbdemo:dev)      PULL_POLICY IfNotPresent, Never or Always
#   ENVOY_IMAGE, HAPROXY_IMAGE   NAME:TAG of the balancers of those overlays
#   REPLICAS    servers (3)                          TIMEOUT     to wait for each step, seconds (180)
#   FLEET       clients of kube-fleet (5)            COMPONENTS  folders of components/ to add, as in monitoring
#   REQUESTS, INTERVAL   of the verdict's clients, as in 6000 and 10ms (as the overlay says)
#   KUBECTL, ISTIOCTL, LBDEMO_REPORT                 the programs
#   REPORTS     folder for the reports of kube-verdict (kube-reports/OVERLAY)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
: "${KUBECTL:=kubectl}" "${ISTIOCTL:=istioctl}" "${LBDEMO_REPORT:=lbdemo-report}"
: "${OVERLAY:=service}" "${NAMESPACE:=lbdemo}" "${IMAGE:=localhost/lbdemo:dev}"
: "${COMPONENTS:=}" "${FLEET:=5}"
: "${PULL_POLICY:=IfNotPresent}" "${REPLICAS:=3}" "${TIMEOUT:=180}" "${REPORTS:=kube-reports/$OVERLAY}"
overlay=$here/overlays/$OVERLAY
mark=app.kubernetes.io/part-of=lbdemo # on all that is made, also the namespace
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
fail() { printf 'kube.sh: %s\n' "$*" >&2; exit 1; }
kube() { "$KUBECTL" --namespace "$NAMESPACE" "$@"; }

[ -f "$overlay/kustomization.yaml" ] ||
    fail "no overlay '$OVERLAY'; there are: $(cd "$here/overlays" && printf '%s ' */ | tr -d /)"

# image PLACEHOLDER NAME:TAG: one entry of kustomize's list.
image() {
    [ -z "$2" ] || printf '  - name: %s\n    newName: %s\n    newTag: "%s"\n' "$1" "${2%:*}" "${2##*:}"
}

# settings: what the Jobs are told. Where shares of versions are expected, numbers of pods are not.
settings() {
    "$KUBECTL" kustomize "$overlay" | grep -q LBDEMO_EXPECT_WEIGHTS ||
        printf '      - LBDEMO_EXPECT_BACKENDS=%s\n' "$REPLICAS"
    [ -z "${REQUESTS-}" ] || printf '      - REQUESTS=%s\n' "$REQUESTS"
    [ -z "${INTERVAL-}" ] || printf '      - INTERVAL=%s\n' "$INTERVAL"
}

# relative FOLDER: as kustomize wants it.
relative() { realpath --relative-to="$work" "$1"; }

# render: the overlay's objects with the settings above, on standard output.
render() {
    cat >"$work/kustomization.yaml" <<EOF
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $NAMESPACE
resources:
  - $(relative "$overlay")
components:
$(for name in $COMPONENTS fleet; do echo "  - $(relative "$here/components/$name")"; done)
images:
$(image localhost/lbdemo "$IMAGE")
$(image docker.io/envoyproxy/envoy "${ENVOY_IMAGE-}")
$(image docker.io/library/haproxy "${HAPROXY_IMAGE-}")
configMapGenerator:
  - name: verdict
    behavior: merge
    literals:
      - WAY=$OVERLAY
$(settings)
replicas:
  - name: server
    count: $REPLICAS
patches:
  - target: {kind: Deployment}
    patch: |-
      - {op: replace, path: /spec/template/spec/containers/0/imagePullPolicy, value: $PULL_POLICY}
  - target: {kind: Job, name: fleet}
    patch: |-
      - {op: replace, path: /spec/completions, value: $FLEET}
      - {op: replace, path: /spec/parallelism, value: $FLEET}
  - target: {kind: Job}
    patch: |-
      - {op: replace, path: /spec/template/spec/containers/0/imagePullPolicy, value: $PULL_POLICY}
EOF
    "$KUBECTL" kustomize "$work"
}

# apply SELECTOR: those of the rendered objects, with sidecars where INJECT asks for them.
apply() {
    if [ -n "${INJECT-}" ]; then
        render | "$ISTIOCTL" kube-inject -f - | kube apply -l "$1" -f -
    else
        render | kube apply -l "$1" -f -
    fi
}

# explain KIND NAME: why it did not come up.
explain() {
    say "--- $1/$2 did not come up; its pods, their events and last lines:" >&2
    kube get pods -o wide >&2
    kube get events --sort-by=.lastTimestamp --field-selector type=Warning | tail -n 15 >&2
    kube logs "$1/$2" --all-containers --prefix --tail=15 >&2 || say "(no logs)" >&2
}

deploy() {
    # One of that name may still be on its way out.
    if [ "$("$KUBECTL" get namespace "$NAMESPACE" --ignore-not-found -o 'jsonpath={.status.phase}')" = Terminating ]; then
        "$KUBECTL" wait --for=delete "namespace/$NAMESPACE" --timeout="${TIMEOUT}s"
    fi
    if ! "$KUBECTL" get namespace "$NAMESPACE" >/dev/null 2>&1; then
        "$KUBECTL" create namespace "$NAMESPACE"
        "$KUBECTL" label namespace "$NAMESPACE" "$mark" >/dev/null
    fi
    apply 'app.kubernetes.io/component notin (verdict, fleet, settings)'
    local name
    for name in $(kube get deployments -l "$mark" -o name); do
        kube rollout status "$name" --timeout="${TIMEOUT}s" && continue
        explain deployment "${name#*/}"
        delete
        fail "$name was not ready after $TIMEOUT s; what was applied has been removed"
    done
    kube get pods
}

# ended COMPONENT: a line for each pod whose client has ended, with its name.
ended() {
    kube get pods -l "app.kubernetes.io/component=$1" -o "jsonpath={range .items[*]}{.metadata.name}{' '}{.status.containerStatuses[?(@.name=='client')].state.terminated.exitCode}{'\n'}{end}" |
        sed -n 's/ [0-9][0-9]*$//p'
}

# report: the report in a pod's log. A long line is logged in pieces, and what went to standard error
# may be between them.
report() { sed 's/lbdemo-[a-z]*-client: .*//' | tr -d '\n'; }

forget() { kube delete jobs,configmaps -l "app.kubernetes.io/component in ($1, settings)" --ignore-not-found "${@:2}" >/dev/null; }

# run_jobs COMPONENT: runs its Jobs to their end and writes each pod's report to $REPORTS.
run_jobs() {
    forget "$1"
    # Clients belong into the mesh if the servers were put there by hand.
    case $(kube get deployment server -o jsonpath='{.spec.template.spec..name}') in
    *istio-proxy*) INJECT=1 ;;
    esac
    apply "app.kubernetes.io/component in ($1, settings)"
    rm -rf "$REPORTS"
    mkdir -p "$REPORTS"
    local end=$((SECONDS + TIMEOUT)) wanted pod
    wanted=$(kube get jobs -l "app.kubernetes.io/component=$1" -o "jsonpath={range .items[*]}{.spec.completions}{'\n'}{end}" |
        awk '{n += $1} END {print n}')
    until [ "$(ended "$1" | wc -l)" -ge "$wanted" ]; do
        if [ $SECONDS -ge $end ]; then
            explain job "$(kube get jobs -l "app.kubernetes.io/component=$1" -o "jsonpath={.items[?(@.status.active>0)].metadata.name}" | cut -d' ' -f1)"
            forget "$1" --wait=false
            fail "not all jobs ended in $TIMEOUT s; they have been removed"
        fi
        sleep 1
    done
    for pod in $(ended "$1"); do
        kube logs "$pod" -c client | report >"$REPORTS/${pod%-*}.json"
    done
    forget "$1" --wait=false
}

verdict() {
    run_jobs verdict
    "$LBDEMO_REPORT" --check "$overlay/expected.json" "$REPORTS"
}

# fleet: many clients at once, judged together.
fleet() {
    run_jobs fleet
    "$LBDEMO_REPORT" "$REPORTS"
}

# A namespace that deploy made goes too; in another's, all that deploy and verdict put there.
delete() {
    local found
    found=$("$KUBECTL" get namespaces -l "$mark" -o name)
    if grep -qx "namespace/$NAMESPACE" <<<"$found"; then
        "$KUBECTL" delete namespace "$NAMESPACE" --timeout="${TIMEOUT}s"
        return
    fi
    render | kube delete --ignore-not-found -f - >/dev/null
    kube delete configmaps -l "$mark" --ignore-not-found >/dev/null
    # Servers drain first, and a Gateway's own pods go when their owner has gone.
    kube wait --for=delete pods -l app.kubernetes.io/name=lbdemo --timeout="${TIMEOUT}s" >/dev/null
    kube wait --for=delete pods -l gateway.networking.k8s.io/gateway-name=lbdemo --timeout="${TIMEOUT}s" >/dev/null
}

reachable() {
    "$KUBECTL" version >/dev/null 2>&1 || fail "no cluster answers: does KUBECONFIG name one?"
}

# init: which of the tools are here.
init() {
    local tool missing=0
    for tool in "$KUBECTL" "$ISTIOCTL" buildah podman docker kind minikube; do
        if command -v "$tool" >/dev/null; then
            say "$tool: $(command -v "$tool")"
        else
            say "$tool: not found"
            [ "$tool" != "$KUBECTL" ] || missing=1
        fi
    done
    [ $missing = 0 ] || fail "kubectl is needed for all targets; istioctl for istio-inject; one of buildah, podman, docker for docker-build"
    reachable
    say "cluster: $("$KUBECTL" config current-context)"
}

case ${1-} in
deploy | verdict | fleet | delete | inject*) reachable ;;
esac
case ${1-} in
init | render | deploy | verdict | fleet | delete) "$1" ;;
inject) INJECT=1 deploy ;;
*) fail "usage: kube.sh init|render|deploy|inject|verdict|fleet|delete" ;;
esac
