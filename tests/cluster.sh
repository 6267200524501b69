#!/usr/bin/env bash
# The demonstration on the cluster that KUBECONFIG names: every overlay and its verdict, restarts and
# scaling under load, a pod that dies. Namespaces are its own and go at the end.
#   tests/cluster.sh [CASE...]     all cases, or those named: an overlay, restart-OVERLAY,
#                                  scale-OVERLAY, kill-OVERLAY, schema
# Settings as in contrib/k8s/kube.sh, and:
#   PREFIX   of the namespaces (lbdemo-test)       LOGS   folder for logs and reports (cluster-logs)
#   KILL9    command that ends a pod's server by SIGKILL, given NAMESPACE and POD; without it the pod
#            is deleted without grace, which is the next best thing that kubectl can do
# Prints a line a case; exit status 1 if one failed. A case that the cluster cannot run is skipped.
# shellcheck disable=SC2317  # cases are called by name
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
: "${KUBECTL:=kubectl}" "${LBDEMO_REPORT:=lbdemo-report}" "${PREFIX:=lbdemo-test}" "${LOGS:=cluster-logs}"
: "${REPLICAS:=3}"
export KUBECTL LBDEMO_REPORT REPLICAS
LOAD_REQUESTS=9000 LOAD_INTERVAL=10ms # 100 a second for a minute and a half
LOAD_SEEN=50                          # requests that show a server to be under load
failed=0
mkdir -p "$LOGS"

all_cases() {
    (cd "$top/contrib/k8s/overlays" && printf '%s\n' *)
    printf '%s\n' restart-service restart-headless restart-istio scale-service scale-istio kill-service schema
}

kube() { "$KUBECTL" --namespace "$NAMESPACE" "$@"; }
kube_sh() { "$top/contrib/k8s/kube.sh" "$@"; }
# served GROUP: whether the cluster has kinds of that API group.
served() { "$KUBECTL" get --raw /apis | grep -q "\"name\":\"$1\""; }

# lacking OVERLAY: what the cluster has not got for it; nothing if it can run.
lacking() {
    case $1 in
    istio | canary | proxyless) served networking.istio.io || echo "Istio" ;;
    gateway-api) "$KUBECTL" get gatewayclass istio >/dev/null 2>&1 || echo "the GatewayClass istio" ;;
    istio-ambient) "$KUBECTL" get daemonset -A -o name | grep -q /ztunnel || echo "ztunnel" ;;
    linkerd) served policy.linkerd.io || echo "Linkerd" ;;
    esac
}

# how OVERLAY: deployed by which command.
how() {
    case $1 in
    istio | canary) echo inject ;;
    *) echo deploy ;;
    esac
}

verdict_case() {
    kube_sh "$(how "$OVERLAY")" && kube_sh verdict
}

# answered POD: how many of the clients' requests its server has answered, by its metrics.
answered() {
    local log port='' forward
    log=$(mktemp)
    kube port-forward "pod/$1" :9090 >"$log" 2>&1 &
    forward=$!
    until port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$log") && [ -n "$port" ]; do
        kill -0 "$forward" 2>/dev/null || { rm -f "$log"; echo 0; return; }
        sleep 0.1
    done
    curl --silent --noproxy '*' --max-time 5 "http://127.0.0.1:$port/metrics" |
        awk '/^lbdemo_requests_total.*(pod|PodService)/ && !/readyz|healthz/ {n += $NF} END {print n + 0}'
    kill "$forward"
    wait "$forward" 2>/dev/null
    rm -f "$log"
}

server_pods() {
    kube get pods -l app.kubernetes.io/component=server --field-selector=status.phase=Running \
        -o "jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}{.metadata.name}{'\n'}{end}"
}

# all_serve N: waits until N servers are ready, no other is left, and each has answered LOAD_SEEN
# requests more than at the first look.
all_serve() {
    local end=$((SECONDS + 60)) pods pod count
    local -A first=()
    while [ "$SECONDS" -lt "$end" ]; do
        pods=$(kube get pods -l app.kubernetes.io/component=server -o name | wc -l)
        count=0
        for pod in $(server_pods); do
            : "${first[$pod]:=$(answered "$pod")}"
            [ $(($(answered "$pod") - first[$pod])) -lt "$LOAD_SEEN" ] || count=$((count + 1))
        done
        [ "$count" != "$1" ] || [ "$pods" != "$1" ] || return 0
        sleep 0.5
    done
    echo "not $1 servers with load after a minute"
    kube get pods -o wide
    return 1
}

# loaded COMMAND...: runs it once both clients' load is on all servers. Their reports are in $REPORTS.
loaded() {
    kube_sh "$(how "$OVERLAY")" || return 1
    # What the verdict would be is of no interest here: pods come and go.
    REQUESTS=$LOAD_REQUESTS INTERVAL=$LOAD_INTERVAL TIMEOUT=300 kube_sh verdict &
    local verdict=$!
    all_serve "$REPLICAS" && "$@" || return 1
    wait "$verdict"
    ls "$REPORTS"/verdict-*.json >/dev/null || return 1
}

# none_lost REPORT...: fails, with the report, unless each has all requests and none failed.
none_lost() {
    local name
    for name; do
        "$LBDEMO_REPORT" --max-errors 0 "$REPORTS/$name.json" || { echo "requests of $name were lost"; return 1; }
    done
}

# backends REPORT: how many answered in it.
backends() {
    "$LBDEMO_REPORT" --json "$REPORTS/$1.json" | grep -o '"name":"server-[^"]*"' | sort -u | wc -l
}

# tells REPORT TEXT: fails unless the report says so of some backend.
tells() {
    "$LBDEMO_REPORT" --json "$REPORTS/$1.json" | grep -q "server-[^\"]* $2" || { echo "the report of $1 has no '$2'"; return 1; }
}

restart() {
    kube rollout restart deployment/server && kube rollout status deployment/server --timeout=120s
}

# none_restarted: fails when the kubelet had to start a server's container again.
none_restarted() {
    ! kube get pods -l app.kubernetes.io/component=server \
        -o "jsonpath={range .items[*]}{.metadata.name}{' '}{.status.containerStatuses[*].restartCount}{'\n'}{end}" |
        grep ' .*[1-9]'
}

restart_case() {
    loaded restart || return 1
    none_lost verdict-http-new verdict-grpc && none_restarted
}

scale() {
    kube scale deployment/server --replicas=5 && all_serve 5 &&
        kube scale deployment/server --replicas=2 && all_serve 2
}

scale_case() {
    loaded scale && none_lost verdict-http-new && none_restarted || return 1
    [ "$(backends verdict-http-new)" = 5 ] || { echo "not five backends in the report"; return 1; }
    tells verdict-http-new 'first answered at' && tells verdict-http-new 'did not answer after'
}

kill_pod() {
    local pod
    pod=$(kube get pods -l app.kubernetes.io/component=server -o 'jsonpath={.items[0].metadata.name}')
    if [ -n "${KILL9-}" ]; then
        $KILL9 "$NAMESPACE" "$pod"
    else
        kube delete pod "$pod" --grace-period=0 --force
    fi
}

# Whether or not a request was lost, the clients go on and the rest is served.
kill_case() {
    loaded kill_pod || return 1
    "$LBDEMO_REPORT" "$REPORTS/verdict-http-new.json" "$REPORTS/verdict-grpc.json"
    lost_few verdict-http-new && lost_few verdict-grpc || return 1
    # A container is started again in its pod; a pod has another in its place.
    if [ -n "${KILL9-}" ]; then
        tells verdict-http-new 'restarted'
    else
        tells verdict-http-new 'did not answer after' && tells verdict-http-new 'first answered at'
    fi
}

# lost_few REPORT: fails when more than one request in a hundred was lost.
lost_few() {
    "$LBDEMO_REPORT" --max-errors $((LOAD_REQUESTS / 100)) "$REPORTS/$1.json" >/dev/null
}

# schema: the API server's own validation, strict about unknown fields, of every overlay it has kinds for.
schema_case() {
    local overlay status=0
    NAMESPACE=default
    for overlay in "$top"/contrib/k8s/overlays/*; do
        overlay=${overlay##*/}
        case $overlay in
        linkerd) served policy.linkerd.io || { echo "linkerd: not validated: no such kinds"; continue; } ;;
        gateway-api | istio-ambient) served gateway.networking.k8s.io || { echo "$overlay: not validated"; continue; } ;;
        istio | canary) served networking.istio.io || { echo "$overlay: not validated"; continue; } ;;
        esac
        echo "$overlay:"
        OVERLAY=$overlay kube_sh render | "$KUBECTL" apply --dry-run=server --validate=strict -f - || status=1
    done
    return "$status"
}

run() {
    local name=$1 began=$SECONDS why status
    case $name in
    restart-* | scale-* | kill-*) OVERLAY=${name#*-} ;;
    schema) OVERLAY=service ;;
    *) OVERLAY=$name ;;
    esac
    NAMESPACE=$PREFIX-$name REPORTS=$LOGS/$name
    export OVERLAY NAMESPACE REPORTS
    why=$(lacking "$OVERLAY")
    if [ -n "$why" ]; then
        printf '%-20s skipped  the cluster has no %s\n' "$name" "$why"
        return
    fi
    local check=verdict_case
    case $name in
    restart-*) check=restart_case ;;
    scale-*) check=scale_case ;;
    kill-*) check=kill_case ;;
    schema) check=schema_case ;;
    esac
    ("$check") >"$LOGS/$name.log" 2>&1
    status=$?
    if [ "$check" != schema_case ]; then
        kube_sh delete >>"$LOGS/$name.log" 2>&1
        # Nothing is left: the namespace was ours.
        ! "$KUBECTL" get namespace "$NAMESPACE" >/dev/null 2>&1 || { echo "$NAMESPACE is left" >>"$LOGS/$name.log"; status=1; }
    fi
    if [ $status = 0 ]; then
        printf '%-20s passed   %4d s\n' "$name" $((SECONDS - began))
    else
        failed=1
        printf '%-20s FAILED   %4d s  status %d; the end of %s:\n' "$name" $((SECONDS - began)) $status "$LOGS/$name.log"
        tail -n 12 "$LOGS/$name.log" | sed 's/^/    /'
    fi
}

"$KUBECTL" version >/dev/null 2>&1 || { echo "cluster.sh: no cluster answers: does KUBECONFIG name one?" >&2; exit 1; }
cases=("$@")
[ $# -gt 0 ] || mapfile -t cases < <(all_cases)
for name in "${cases[@]}"; do
    run "$name"
done
exit $failed
