/* What to change: the first line of the table that fits. Reviewed like documentation. */
#include "balance/advice.h"

#include <string.h>

#define ANY -1

enum situation {
    ALWAYS,
    ONE_ADDRESS_POLICY, /* a balancing policy in force, one address resolved */
    FAILURES,           /* more than one request in ten failed */
    NEW_CONNECTIONS,    /* a new connection for each request */
    NOT_DIAGNOSED,
    CHANGED, /* backends came, went or restarted while it ran */
};

struct rule {
    const char *protocol; /* NULL: any */
    int outcome, layer, doubt;
    enum situation situation;
    const char *lines[LB_ADVICE_LINES];
};

static const struct rule rules[] = {
    {NULL,
     LB_OUTCOME_NO_DATA,
     ANY,
     ANY,
     ALWAYS,
     {N_("Nothing answered: check address, port and protocol, and that the server is up."),
      N_("Behind a Service: does it have ready endpoints (kubectl get endpointslices)?")}},
    {NULL,
     ANY,
     ANY,
     LB_DOUBT_IDENTITY,
     ALWAYS,
     {N_("Name what tells backends apart: --id-json, --id-header, --id-field or --id-metadata."),
      N_("A reply with a time stamp or a counter in it is no identity.")}},
    {NULL,
     ANY,
     ANY,
     LB_DOUBT_ERRORS,
     ALWAYS,
     {N_("Look at the failing backend's log and readiness before its share:"),
      N_("a backend that fails should be taken out by its readiness probe or outlier detection.")}},
    {NULL,
     LB_OUTCOME_BALANCED,
     ANY,
     ANY,
     FAILURES,
     {N_("The shares are of the requests that were answered. Is a backend that is gone still in"),
      N_("the balancer's list? Readiness probes and outlier detection take it out.")}},
    {"grpc",
     ANY,
     ANY,
     ANY,
     ONE_ADDRESS_POLICY,
     {N_("The name resolved to one address, so the client's policy cannot act: use a headless"),
      N_("Service (clusterIP: None) and dns:///NAME:PORT with --lb-policy round_robin,"),
      N_("or put an L7 proxy in the path (contrib/k8s/overlays/istio).")}},
    {"grpc",
     LB_OUTCOME_PINNED,
     LB_LAYER_CLIENT_SIDE,
     ANY,
     ALWAYS,
     {N_("The client's pick_first policy uses one of the addresses it got: --lb-policy "
         "round_robin"),
      N_("(or a service config with round_robin) spreads requests over all of them.")}},
    {"grpc",
     LB_OUTCOME_PINNED,
     ANY,
     ANY,
     ALWAYS,
     {N_("gRPC multiplexes all requests on one connection and a Service balances connections:"),
      N_("put an L7 proxy in the path (contrib/k8s/overlays/istio), or balance in the client "
         "(headless"),
      N_("Service, dns:///, --lb-policy round_robin), or end connections "
         "(--max-connection-age).")}},
    {"grpc",
     ANY,
     LB_LAYER_PER_CONNECTION,
     ANY,
     ALWAYS,
     {N_("A gRPC channel is one connection, so each client stays on one backend: balance requests"),
      N_("with an L7 proxy (contrib/k8s/overlays/istio) or in the client (headless Service,"),
      N_("--lb-policy round_robin), or end connections now and then (--max-connection-age).")}},
    {"grpc",
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_ONE_BACKEND,
     ALWAYS,
     {N_("Alone, or pinned to it: --diagnose tells, or --expect-backends N if you know how many"),
      N_("there are. gRPC keeps one connection, which an L4 Service sends to one backend.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_ONE_BACKEND,
     NOT_DIAGNOSED,
     {N_("Alone, or pinned to it: --diagnose tells, or --expect-backends N if you know how many"),
      N_("there are.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_ONE_BACKEND,
     ALWAYS,
     {N_("One backend whatever was varied: --expect-backends N says if others should be there;"),
      N_("--vary header:NAME, --vary path or another source address may reach them.")}},
    {NULL,
     LB_OUTCOME_PINNED,
     LB_LAYER_STICKY,
     ANY,
     ALWAYS,
     {N_("Session affinity keeps this client on one backend: sessionAffinity of the Service,"),
      N_("a consistent-hash policy, or a cookie of the proxy. Turn it off if it is not wanted.")}},
    {NULL,
     LB_OUTCOME_PINNED,
     ANY,
     ANY,
     ALWAYS,
     {N_("Kept-alive connections stay on their backend behind an L4 balancer: use an L7 proxy"),
      N_("(contrib/k8s/overlays/istio), or have the server end connections"),
      N_("(--max-connection-age, --max-requests-per-connection).")}},
    {NULL,
     LB_OUTCOME_UNEVEN,
     LB_LAYER_STICKY,
     ANY,
     ALWAYS,
     {N_("Each key has its backend: few clients, or one large one, weigh on few backends."),
      N_("Turn session affinity off, or hash on something finer.")}},
    {NULL,
     LB_OUTCOME_UNEVEN,
     LB_LAYER_PER_CONNECTION,
     ANY,
     ALWAYS,
     {N_("Connections are spread, and stay where they were opened: after a scale-out or a restart"),
      N_("the new backends wait for new ones. Limit their age (--max-connection-age) or use an L7"),
      N_("proxy (contrib/k8s/overlays/istio). Weights would be said with --expect-weights.")}},
    {NULL,
     LB_OUTCOME_UNEVEN,
     LB_LAYER_CLIENT_SIDE,
     ANY,
     ALWAYS,
     {N_("The client chooses: all addresses resolved, all connected? A client re-resolves only"),
      N_("after a connection drops; --max-connection-age on the server makes it.")}},
    {NULL,
     LB_OUTCOME_UNEVEN,
     ANY,
     ANY,
     CHANGED,
     {N_("Backends came or went while this ran, so shares of the whole run are uneven by that "
         "alone:"),
      N_("judge a run after the last change.")}},
    {NULL,
     LB_OUTCOME_UNEVEN,
     ANY,
     ANY,
     ALWAYS,
     {N_("Compare weights, readiness, zones and outlier ejection of the slow and the busy "
         "backend;"),
      N_("if the weights are meant, say them with --expect-weights.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_NOT_SEEN,
     ALWAYS,
     {N_("A backend that was expected got nothing: is it ready, and in the endpoints?"),
      N_("A client resolves names again only after a connection drops.")}},
    {"http",
     LB_OUTCOME_INCONCLUSIVE,
     LB_LAYER_UNKNOWN,
     ANY,
     NEW_CONNECTIONS,
     {N_("A new connection for each request looks the same per connection and per request:"),
      N_("--diagnose tells them apart in a second, --reuse-connection in a longer run.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_FEW,
     NOT_DIAGNOSED,
     {N_("Send more requests (--count), over several connections (--connections 6), or let"),
      N_("--diagnose choose how many.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_FEW,
     ALWAYS,
     {N_("More requests would tell: --count with --connections, or merge several reports"),
      N_("(lbdemo-report).")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_LAYER,
     NOT_DIAGNOSED,
     {N_("Backends may have changed with time rather than with requests: run it longer, or"),
      N_("with --diagnose, which tosses the order.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_LAYER,
     ALWAYS,
     {N_("Backends may have changed with time rather than with requests: a longer run over kept"),
      N_("connections (--connections 20 --count 1000) tells.")}},
    {NULL,
     LB_OUTCOME_INCONCLUSIVE,
     ANY,
     LB_DOUBT_NO_UNIT,
     ALWAYS,
     {N_("As a proxy that pools its connections over a balancer of connections does: let it find"),
      N_("the backends themselves (a headless Service), then it balances requests over them.")}},
    {NULL,
     LB_OUTCOME_BALANCED,
     LB_LAYER_UNKNOWN,
     ANY,
     NEW_CONNECTIONS,
     {N_("With a new connection for each request the layer cannot be seen: --diagnose tells, and"),
      N_("clients that keep connections (gRPC does) may fare otherwise.")}},
    {NULL,
     LB_OUTCOME_BALANCED,
     LB_LAYER_UNKNOWN,
     ANY,
     NOT_DIAGNOSED,
     {N_("--diagnose tells which layer balances.")}},
};

static bool fits_situation(enum situation s, const struct lb_verdict *v,
                           const struct lb_target_facts *target)
{
    switch (s) {
    case ALWAYS:
        return true;
    case ONE_ADDRESS_POLICY:
        return target && target->addresses == 1 && target->lb_policy &&
               strcmp(target->lb_policy, "round_robin") == 0 && v->outcome != LB_OUTCOME_BALANCED &&
               v->outcome != LB_OUTCOME_SINGLE;
    case FAILURES:
        return v->errors > v->requests / 10;
    case NEW_CONNECTIONS:
        return target && target->new_connections;
    case NOT_DIAGNOSED:
        return !target || !target->diagnosed;
    case CHANGED:
        return v->n_events > 0;
    }
    return false;
}

static bool fits(const struct rule *r, const struct lb_verdict *v,
                 const struct lb_target_facts *target)
{
    const char *protocol = target && target->protocol ? target->protocol : "";
    return (!r->protocol || strcmp(r->protocol, protocol) == 0) &&
           (r->outcome == ANY || r->outcome == (int)v->outcome) &&
           (r->layer == ANY || r->layer == (int)v->layers.layer) &&
           (r->doubt == ANY || r->doubt == (int)v->doubt) &&
           fits_situation(r->situation, v, target);
}

unsigned lb_advice_choose(const struct lb_verdict *v, const struct lb_target_facts *target,
                          const char *lines[LB_ADVICE_LINES])
{
    unsigned n = 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!fits(&rules[i], v, target))
            continue;
        while (n < LB_ADVICE_LINES && rules[i].lines[n]) {
            lines[n] = rules[i].lines[n];
            n++;
        }
        return n;
    }
    return 0;
}
