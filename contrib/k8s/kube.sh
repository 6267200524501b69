#!/usr/bin/env bash
# The demonstration in a cluster: what the make targets kube-deploy, kube-verdict, kube-fleet,
# kube-delete, istio-inject, istio-uninstall run. Settings are variables:
#   OVERLAY     a folder of overlays/ (service)      NAMESPACE   made if it is not there (lbdemo)
#   IMAGE       NAME, NAME:TAG or NAME@DIGEST (localhost/lbdemo:dev)
#   PULL_POLICY IfNotPresent, Never or Always        ENVOY_IMAGE, HAPROXY_IMAGE   of those overlays' balancers
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
undo=: # what removes what this run has made, should it fail or be interrupted

say() { printf '%s\n' "$*"; }
fail() { printf 'kube.sh: %s\n' "$*" >&2; exit 1; }

# A step that fails ends the script (set -e), as signals do: all ways out come by here.
leave() {
    local status=$?
    trap '' INT TERM
    if [ $status != 0 ] && [ "$undo" != : ]; then
        say "kube.sh: removing what was made" >&2
        $undo >&2 || say "kube.sh: that failed too: see what make kube-delete says" >&2
    fi
    rm -rf "$work"
    exit $status
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
kube() { "$KUBECTL" --namespace "$NAMESPACE" "$@"; }

[ -f "$overlay/kustomization.yaml" ] ||
    fail "no overlay '$OVERLAY'; there are: $(cd "$here/overlays" && printf '%s ' */ | tr -d /)"

# image PLACEHOLDER IMAGE: one entry of kustomize's list. A colon before the last slash is a port's.
image() {
    local name='([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9][a-z0-9._/-]*'
    [ -n "$2" ] || return 0
    [[ $2 =~ ^($name)(:([A-Za-z0-9_][A-Za-z0-9._-]*))?(@(sha256:[0-9a-f]{64}))?$ ]] ||
        fail "'$2' names no image; allowed are NAME, NAME:TAG and NAME@sha256:DIGEST"
    printf '  - name: %s\n    newName: %s\n' "$1" "${BASH_REMATCH[1]}"
    if [ -n "${BASH_REMATCH[7]}" ]; then
        printf '    digest: %s\n' "${BASH_REMATCH[7]}"
    else
        printf '    newTag: "%s"\n' "${BASH_REMATCH[5]:-latest}"
    fi
}

# settings: what the Jobs are told. Where shares of versions are expected, numbers of pods are not.
settings() {
    grep -q components/two-versions "$overlay/kustomization.yaml" ||
        printf '      - LBDEMO_EXPECT_BACKENDS=%s\n' "$REPLICAS"
    [ -z "${REQUESTS-}" ] || printf '      - REQUESTS=%s\n' "$REQUESTS"
    [ -z "${INTERVAL-}" ] || printf '      - INTERVAL=%s\n' "$INTERVAL"
}

# relative FOLDER: as kustomize wants it.
relative() { realpath --relative-to="$work" "$1"; }

# render: the overlay's objects with the settings above, on standard output.
render() {
    local images
    images=$(image localhost/lbdemo "$IMAGE" && image docker.io/envoyproxy/envoy "${ENVOY_IMAGE-}" &&
        image docker.io/library/haproxy "${HAPROXY_IMAGE-}")
    cat >"$work/kustomization.yaml" <<EOF
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: "$NAMESPACE"
resources:
  - $(relative "$overlay")
components:
$(for name in $COMPONENTS; do echo "  - $(relative "$here/components/$name")"; done)
images:
$images
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
    local objects=$work/objects.yaml
    if [ -n "${INJECT-}" ]; then
        "$ISTIOCTL" kube-inject -f "$objects" -o "$work/injected.yaml"
        objects=$work/injected.yaml
    fi
    kube apply -l "$1" -f "$objects"
}

# explain KIND NAME: why it did not come up.
explain() {
    say "--- $1/$2 did not come up; what it says, the pods, their events and last lines:" >&2
    kube get "$1" "$2" -o "jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{'\n'}{end}" >&2
    kube get pods -o wide >&2
    kube get events --sort-by=.lastTimestamp --field-selector type=Warning | tail -n 15 >&2
    kube logs "$1/$2" --all-containers --prefix --tail=15 >&2 || say "(no logs)" >&2
}

# ready KIND NAME COMMAND...: COMMAND waits for it; if that was in vain, says why and fails.
ready() {
    "${@:3}" && return
    explain "$1" "$2"
    fail "$1/$2 was not ready after $TIMEOUT s"
}

deploy() {
    # First, and before there is anything to undo: a wrong setting must not take away what runs.
    render >"$work/objects.yaml"
    # One of that name may still be on its way out.
    if [ "$("$KUBECTL" get namespace "$NAMESPACE" --ignore-not-found -o 'jsonpath={.status.phase}')" = Terminating ]; then
        "$KUBECTL" wait --for=delete "namespace/$NAMESPACE" --timeout="${TIMEOUT}s"
    fi
    undo=delete
    if [ -z "$("$KUBECTL" get namespace "$NAMESPACE" --ignore-not-found -o name)" ]; then
        # At once with its mark: delete goes by it.
        printf '{apiVersion: v1, kind: Namespace, metadata: {name: "%s", labels: {%s: %s}}}' "$NAMESPACE" \
            "${mark%=*}" "${mark#*=}" | "$KUBECTL" create -f -
    fi
    apply 'app.kubernetes.io/component notin (verdict, fleet, settings)'
    local name names
    names=$(kube get deployments -l "$mark" -o name)
    for name in $names; do
        ready deployment "${name#*/}" kube rollout status "$name" --timeout="${TIMEOUT}s"
    done
    # A Gateway's proxy is its controller's to make.
    if grep -qx 'kind: Gateway' "$work/objects.yaml"; then
        ready gateways.gateway.networking.k8s.io lbdemo kube wait --for=condition=Programmed \
            gateways.gateway.networking.k8s.io/lbdemo --timeout="${TIMEOUT}s"
    fi
    undo=:
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
    local servers
    render >"$work/objects.yaml"
    servers=$(kube get deployment server -o jsonpath='{.spec.template.spec..name}')
    # Clients belong into the mesh if the servers were put there by hand.
    case $servers in
    *istio-proxy*) INJECT=1 ;;
    esac
    forget "$1"
    undo="forget $1 --wait=false"
    apply "app.kubernetes.io/component in ($1, settings)"
    rm -rf "$REPORTS"
    mkdir -p "$REPORTS"
    local end=$((SECONDS + TIMEOUT)) wanted pods pod
    wanted=$(kube get jobs -l "app.kubernetes.io/component=$1" -o "jsonpath={range .items[*]}{.spec.completions}{'\n'}{end}" |
        awk '{n += $1} END {print n}')
    until [ "$(ended "$1" | wc -l)" -ge "$wanted" ]; do
        if [ $SECONDS -ge $end ]; then
            explain job "$(kube get jobs -l "app.kubernetes.io/component=$1" -o "jsonpath={.items[?(@.status.active>0)].metadata.name}" | cut -d' ' -f1)"
            fail "not all jobs ended in $TIMEOUT s"
        fi
        sleep 1
    done
    pods=$(ended "$1")
    for pod in $pods; do
        kube logs "$pod" -c client | report >"$REPORTS/${pod%-*}.json"
    done
    undo=:
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
    local ours
    ours=$("$KUBECTL" get namespace "$NAMESPACE" --ignore-not-found -o 'jsonpath={.metadata.labels.app\.kubernetes\.io/part-of}')
    if [ "$ours" = "${mark#*=}" ]; then
        "$KUBECTL" delete namespace "$NAMESPACE" --timeout="${TIMEOUT}s"
    else
        delete_objects
    fi
}

delete_objects() {
    render >"$work/objects.yaml"
    kube delete --ignore-not-found -f "$work/objects.yaml" >/dev/null
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
init | render) "$1" ;;
deploy | verdict | fleet | delete) reachable; "$1" ;;
inject) reachable; INJECT=1 deploy ;;
uninstall) reachable; "$ISTIOCTL" uninstall --purge -y ;;
*) fail "usage: kube.sh init|render|deploy|inject|verdict|fleet|delete|uninstall" ;;
esac
