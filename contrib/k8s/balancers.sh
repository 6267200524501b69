#!/bin/sh
# The stand-alone balancers' configuration: what lbdemo-lab runs, with a cluster's addresses in place
# of this machine's.
#   balancers.sh            writes overlays/envoy/envoy.yaml and overlays/haproxy/haproxy.cfg
#   balancers.sh --check    fails if they are not what it would write
set -eu
here=$(cd "$(dirname "$0")" && pwd)
templates=$here/../../src/lab/templates

# Envoy: the headless Service's addresses, looked up again and again, instead of a fixed list.
envoy() {
    awk '/port_value: 0/ {
             n++; ip = n == 1 ? "127.0.0.1" : "0.0.0.0"; port = n == 1 ? 9901 : n == 2 ? 8080 : 30051
             sub(/address: 127.0.0.1, port_value: 0/, "address: " ip ", port_value: " port)
         }
         { print }' "$templates/envoy.yaml.in" |
        sed -e 's/type: STATIC/type: STRICT_DNS/' -e 's/@ALGORITHM@/ROUND_ROBIN/' \
            -e 's/@SERVER_HOST@/server-headless/' -e 's/@SERVER_HTTP_PORT@/8080/' \
            -e 's/@SERVER_GRPC_PORT@/30051/'
}

# HAProxy: the same, which it calls a server template.
# shellcheck disable=SC2016  # the variable is HAProxy's
haproxy() {
    sed -e 's/@ALGORITHM@/roundrobin/' -e 's/@HTTP_BIND@/:8080/' -e 's/@GRPC_BIND@/:30051/' \
        -e 's/server @SERVER_NAME@ @SERVER_HOST@:@SERVER_HTTP_PORT@/server-template server 10 "server-headless.${POD_NAMESPACE}.svc.cluster.local:8080" resolvers cluster init-addr none/' \
        -e 's/server @SERVER_NAME@ @SERVER_HOST@:@SERVER_GRPC_PORT@/server-template server 10 "server-headless.${POD_NAMESPACE}.svc.cluster.local:30051" resolvers cluster init-addr none/' \
        "$templates/haproxy-http.cfg.in"
    printf '\nresolvers cluster\n    parse-resolv-conf\n    accepted_payload_size 8192\n    hold valid 2s\n'
}

case ${1-} in
'')
    envoy >"$here/overlays/envoy/envoy.yaml"
    haproxy >"$here/overlays/haproxy/haproxy.cfg"
    ;;
--check)
    envoy | diff -u "$here/overlays/envoy/envoy.yaml" -
    haproxy | diff -u "$here/overlays/haproxy/haproxy.cfg" -
    ;;
*)
    echo "balancers.sh: unknown argument '$1'; allowed is --check" >&2
    exit 2
    ;;
esac
