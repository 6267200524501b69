/* schedule.h - what to send next: the random order that verdicts rest on.
 *
 * A pure state machine, seeded. The engine asks lb_schedule_next for steps, carries them out, and
 * hands each result to lb_schedule_done, which notes how the unit was tossed, counts the
 * observation in the tally, and lets the next steps depend on it. Modes:
 *
 * ROUNDS    an ordinary run over kept connections: a fresh permutation of them each round, drawn
 *           among the idle ones. With one connection: that one.
 * NEW       a new connection for each request.
 * DIAGNOSE  the probe: 6 connections x 1 request, while there are untried addresses to those; coin
 *           tosses on those 6; more connections (half new, half revisited) only while all show one
 *           backend; after 24 requests with one backend some requests in flight together, then the
 *           keys the client can vary; then up to the units evenness needs, under client-side those
 *           whose address the client itself chooses. Stops by itself.
 *
 * A slot is one connection the engine keeps (HTTP: a connection; gRPC: a channel with its own
 * subchannel pool). Key value 0 is the default of the run: with cookies, one jar shared by all
 * connections; value i > 0 is another source address, jar, header value or path of the engine's.
 * Memory grows with slots and in-flight requests. Not thread-safe. */
#ifndef LB_BALANCE_SCHEDULE_H
#define LB_BALANCE_SCHEDULE_H

#include "balance/layers.h"
#include "balance/tally.h"
#include "balance/verdict.h"

#define LB_DIAGNOSE_CONNECTIONS 6
#define LB_DIAGNOSE_MAX_REQUESTS 200
#define LB_DIAGNOSE_ONE_BACKEND 24 /* requests with one backend before keys are varied */
#define LB_DIAGNOSE_KEY_VALUES 11  /* values a varied key */
#define LB_DIAGNOSE_IN_FLIGHT 6    /* requests together, to see what a pool hides */
#define LB_SCHEDULE_MAX_SLOTS 65536

enum lb_schedule_mode { LB_SCHEDULE_ROUNDS, LB_SCHEDULE_NEW, LB_SCHEDULE_DIAGNOSE };

struct lb_schedule_options {
    enum lb_schedule_mode mode;
    uint32_t seed;              /* same seed, same answers: same steps; print it in the report */
    unsigned connections;       /* ROUNDS: slots kept, >= 1 */
    unsigned streams;           /* ROUNDS: requests in flight per slot, >= 1 */
    unsigned in_flight;         /* NEW: requests in flight in all, >= 1 */
    double alpha;               /* layer significance; 0: LB_ALPHA_LAYER */
    unsigned expected_backends; /* 0: not told */
    unsigned max_requests;      /* DIAGNOSE: 0: LB_DIAGNOSE_MAX_REQUESTS */
    unsigned addresses; /* DIAGNOSE: addresses the engine can point a new connection at; <= 1:
                           it cannot choose */
    uint16_t key_values[LB_LEVELS]; /* DIAGNOSE: values > 0 the engine can use for SOURCE, COOKIE,
                                       HEADER, PATH; 0: do not vary that key */
    struct lb_target_facts target;  /* strings borrowed while the schedule lives */
    /* DIAGNOSE: how the run will be judged: the probe goes on while that verdict would ask for
     * more units. What it points to is borrowed while the schedule lives; alpha_layer,
     * expected_backends, live and target follow from the fields above and are not read. */
    struct lb_verdict_options verdict;
};

enum lb_step_kind {
    LB_STEP_SEND,
    LB_STEP_WAIT, /* nothing can be sent before an open step is done */
    LB_STEP_STOP  /* DIAGNOSE: enough is known, or never will be */
};

enum lb_stop_reason {
    LB_STOP_NONE,
    LB_STOP_CERTAIN,    /* layer known and enough units for the verdict on evenness */
    LB_STOP_BUDGET,     /* max_requests sent */
    LB_STOP_ONE_BACKEND /* one backend whatever was varied */
};

struct lb_step {
    enum lb_step_kind kind;
    enum lb_stop_reason reason; /* of a STOP */
    uint64_t ticket;            /* of a SEND: give it back to lb_schedule_done */
    uint32_t slot;              /* connection to use */
    bool open;                  /* open it now: it is new (or was closed before) */
    bool keep;                  /* keep it afterwards; else close it after the reply */
    int address;             /* index of the address to connect to, -1: the client's own choice */
    uint16_t key[LB_LEVELS]; /* value per varied key */
};

struct lb_schedule;

/* The tally is borrowed and must outlive the schedule; it is fed by lb_schedule_done. NULL without
 * memory or with options out of range. */
struct lb_schedule *lb_schedule_new(const struct lb_schedule_options *options,
                                    struct lb_tally *tally);
void lb_schedule_free(struct lb_schedule *s);

/* The next step. A SEND counts as in flight until it is done. 0, -1 without memory. */
int lb_schedule_next(struct lb_schedule *s, struct lb_step *step);

/* The request of a SEND ended: sets o->toss and o->key, and o->aside if the step chose its address,
 * then counts o in the tally. o->connection is the transport connection that really carried it;
 * when that is not the one the slot had before, the toss is void. 0, or -1 without memory or with a
 * ticket that is not open (o is not counted).
 */
int lb_schedule_done(struct lb_schedule *s, uint64_t ticket, struct lb_observation *o);

/* The connection of a slot ended while idle: the next use opens a new one. */
void lb_schedule_closed(struct lb_schedule *s, uint32_t slot);

/* One line on what the probe does now ("tossing among 6 connections"), static text. */
const char *lb_schedule_phase(const struct lb_schedule *s);

#endif
