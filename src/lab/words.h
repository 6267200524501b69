/* The words of a client's verdict, beside the truth. */
#ifndef LB_LAB_WORDS_H
#define LB_LAB_WORDS_H

#include "lab/lab.h"

#define LB_WORD 32

struct lb_words {
    char layer[LB_WORD];   /* "per-connection", "inconclusive"; "" when there is none */
    char outcome[LB_WORD]; /* "balanced" */
    uint64_t requests;     /* that it took */
};

/* Has a client probe a path (--diagnose) with connections of the given kind, and leave its report
 * as TOPOLOGY-TRAFFIC-diagnose.json in the lab's folder. Fails when the client gave no verdict at
 * all. */
int lb_words_probe(struct lb_lab *lab, const struct lb_lab_path *path, enum lb_traffic traffic,
                   struct lb_words *words, struct lb_error *err) LB_MUST_CHECK;

/* Whether both words tell something: neither is "inconclusive", "no-data" or missing. */
bool lb_words_tell(const struct lb_words *words);

/* Whether a word contradicts the truth. "inconclusive", "no-data" and no word contradict nothing.
 */
bool lb_words_wrong_layer(const struct lb_truth *truth, const struct lb_words *words);
bool lb_words_wrong_outcome(const struct lb_truth *truth, const struct lb_words *words);

/* Writes the path of the report the last probe of that path and traffic left: the caller's to free,
 * NULL without memory. */
char *lb_words_report(const struct lb_lab *lab, const struct lb_lab_path *path,
                      enum lb_traffic traffic);

/* Writes a layer for the table: "per connection", "layer unknown". Returns `buf`. */
char *lb_words_spell(const char *layer, char buf[LB_WORD]);

#endif
