/* Models of balancers: see balancers.h. */
#include "balancers.h"

#include <gsl/gsl_randist.h>
#include <string.h>

#define EVEN_MAX 0.01
#define HEAVY 0.95 /* share of the first backend of the 95/5 kinds */
#define CLOCK_MEAN 15.0
#define POOL_LIFE_MEAN 20.0 /* requests an upstream connection lives */
#define WORKERS 4
#define OTHER_LOAD 3 /* requests of others that come and go between two of ours */

const struct sim_truth sim_truths[SIM_KINDS] = {
    [SIM_L7_RANDOM] = {"L7 random", LB_LAYER_PER_REQUEST, true, EVEN_MAX},
    [SIM_L7_ROUND_ROBIN] = {"L7 round robin", LB_LAYER_PER_REQUEST, true, EVEN_MAX},
    [SIM_L7_95_5] = {"L7 95/5", LB_LAYER_PER_REQUEST, false, 1},
    [SIM_L7_WORKERS] = {"L7 round robin, 4 workers", LB_LAYER_PER_REQUEST, true, EVEN_MAX},
    [SIM_L7_LEAST_REQUEST] = {"L7 least request, other load", LB_LAYER_PER_REQUEST, true, 0.03},
    [SIM_L4_RANDOM] = {"L4 random", LB_LAYER_PER_CONNECTION, true, EVEN_MAX},
    [SIM_L4_ROUND_ROBIN] = {"L4 round robin", LB_LAYER_PER_CONNECTION, true, EVEN_MAX},
    [SIM_L4_95_5] = {"L4 95/5", LB_LAYER_PER_CONNECTION, false, 1},
    [SIM_CLIENT_SIDE] = {"client-side", LB_LAYER_CLIENT_SIDE, true, EVEN_MAX},
    [SIM_STICKY_SOURCE] = {"sticky source", LB_LAYER_STICKY, true, EVEN_MAX},
    [SIM_STICKY_COOKIE] = {"sticky cookie", LB_LAYER_STICKY, true, EVEN_MAX},
    [SIM_CLOCK] = {"clock, mean 15", LB_LAYER_UNKNOWN, true, EVEN_MAX},
    [SIM_POOLED] = {"pooled L7 over L4", LB_LAYER_UNKNOWN, true, EVEN_MAX},
    [SIM_HIDDEN_2] = {"hidden reconnect, 2", LB_LAYER_PER_CONNECTION, true, EVEN_MAX},
    [SIM_HIDDEN_3] = {"hidden reconnect, 3", LB_LAYER_PER_CONNECTION, true, EVEN_MAX},
    [SIM_FAILING] = {"L7 random, one failing", LB_LAYER_PER_REQUEST, true, EVEN_MAX},
    [SIM_SINGLE] = {"single", LB_LAYER_SINGLE_BACKEND, true, EVEN_MAX},
};

static int uniform(struct sim_balancer *b)
{
    return (int)gsl_rng_uniform_int(b->rng, b->N);
}

/* The first backend has 95 %, the others share the rest. */
static int heavy(struct sim_balancer *b)
{
    if (gsl_rng_uniform(b->rng) < HEAVY)
        return 0;
    return 1 + (int)gsl_rng_uniform_int(b->rng, b->N - 1);
}

void sim_balancer_init(struct sim_balancer *b, enum sim_kind kind, unsigned N, gsl_rng *rng)
{
    memset(b, 0, sizeof(*b));
    b->kind = kind;
    b->N = N;
    b->rng = rng;
    b->clock = uniform(b);
    for (unsigned i = 0; i < WORKERS; i++)
        b->turn[i] = (unsigned)uniform(b);
    for (unsigned i = 0; i < SIM_MAX_CONNECTIONS; i++)
        b->connections[i].backend = -1;
    for (unsigned i = 0; i < 64; i++)
        b->load[i] = kind == SIM_L7_LEAST_REQUEST ? (unsigned)gsl_rng_uniform_int(rng, 4) : 0;
}

static int least_request(struct sim_balancer *b)
{
    for (unsigned i = 0; i < OTHER_LOAD; i++) {
        int x = uniform(b), y = uniform(b);
        b->load[b->load[x] <= b->load[y] ? x : y]++;
        int z = uniform(b);
        while (b->load[z] == 0)
            z = uniform(b);
        b->load[z]--;
    }
    int x = uniform(b), y = uniform(b);
    return b->load[x] <= b->load[y] ? x : y;
}

/* The same key value, the same backend, without a visible order. */
static int hashed(const struct sim_balancer *b, uint16_t value, unsigned long salt)
{
    uint64_t h = (value + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ salt;
    h ^= h >> 31;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 29;
    return (int)(h % b->N);
}

static int pooled(struct sim_balancer *b)
{
    if (b->n_idle == 0)
        return uniform(b);
    return b->idle[--b->n_idle];
}

/* Choice that belongs to the connection. */
static int of_connection(struct sim_balancer *b, struct sim_connection *c, unsigned renew)
{
    if (c->backend >= 0 && !(renew && c->requests % renew == 0))
        return c->backend;
    if (b->kind == SIM_L4_ROUND_ROBIN)
        return (int)(b->turn[0]++ % b->N);
    return b->kind == SIM_L4_95_5 ? heavy(b) : uniform(b);
}

static int failing(struct sim_balancer *b)
{
    int backend = uniform(b);
    return backend == 0 && gsl_rng_uniform(b->rng) < 0.5 ? SIM_FAILED : backend;
}

static int by_clock(struct sim_balancer *b)
{
    if (gsl_rng_uniform(b->rng) < 1 / CLOCK_MEAN)
        b->clock = (b->clock + 1 + (int)gsl_rng_uniform_int(b->rng, b->N - 1)) % (int)b->N;
    return b->clock;
}

static int pick(struct sim_balancer *b, struct sim_connection *c, int address, const uint16_t *key)
{
    switch (b->kind) {
    case SIM_L7_ROUND_ROBIN:
        return (int)(b->turn[0]++ % b->N);
    case SIM_L7_95_5:
        return heavy(b);
    case SIM_L7_WORKERS:
        return (int)(b->turn[c->worker]++ % b->N);
    case SIM_L7_LEAST_REQUEST:
        return least_request(b);
    case SIM_L4_RANDOM:
    case SIM_L4_ROUND_ROBIN:
    case SIM_L4_95_5:
        return of_connection(b, c, 0);
    case SIM_CLIENT_SIDE:
        return address;
    case SIM_STICKY_SOURCE:
        return hashed(b, key[LB_LEVEL_SOURCE],
                      b->turn[0] * 7919 + b->turn[1] * 104729 + b->turn[2]);
    case SIM_STICKY_COOKIE:
        return hashed(b, key[LB_LEVEL_COOKIE],
                      b->turn[0] * 7919 + b->turn[1] * 104729 + b->turn[2]);
    case SIM_CLOCK:
        return by_clock(b);
    case SIM_POOLED:
        return pooled(b);
    case SIM_HIDDEN_2:
        return of_connection(b, c, 2);
    case SIM_HIDDEN_3:
        return of_connection(b, c, 3);
    case SIM_FAILING:
        return failing(b);
    case SIM_SINGLE:
        return 0;
    default:
        return uniform(b);
    }
}

int sim_balancer_pick(struct sim_balancer *b, unsigned id, int address, const uint16_t *key)
{
    struct sim_connection *c = &b->connections[id];
    if (c->requests == 0)
        c->worker = (unsigned)gsl_rng_uniform_int(b->rng, WORKERS);
    int backend = pick(b, c, address, key);
    c->backend = backend;
    c->requests++;
    return backend;
}

void sim_balancer_done(struct sim_balancer *b, int backend)
{
    if (b->kind == SIM_POOLED && b->n_idle < 64 && gsl_rng_uniform(b->rng) >= 1 / POOL_LIFE_MEAN)
        b->idle[b->n_idle++] = backend;
}
