/* merge.h - many reports into one, and one into groups that may be judged together. */
#ifndef LB_REPORT_MERGE_H
#define LB_REPORT_MERGE_H

#include "report/report.h"

/* Adds all that `from` (read from `file`) holds to `into`. The same run twice counts once; of how
 * it is judged stays what both agree on. Refused, with `into` unchanged: requests that were counted
 * in part already, and a run under an id that another has. The order of merging makes no
 * difference. */
int lb_report_merge(struct lb_report *into, const struct lb_report *from, const char *file,
                    struct lb_error *err) LB_MUST_CHECK;

/* Runs that are judged together, since what they say is about one thing. */
struct lb_group {
    char *title;        /* "grpc 127.0.0.1:30051, path=service", for people */
    char *row, *column; /* its place in the matrix */
    bool probe;         /* runs of --diagnose */
    /* The probe of the same target, or NULL. It tells which backends there are, and the layer where
     * the traffic alone cannot: then layer_by_probe is set and the verdict has that layer. */
    const struct lb_group *probed_by;
    bool layer_by_probe;
    bool in_matrix; /* false: a probe of a group that is */
    struct lb_report *report;
    struct lb_verdict *verdict;
};

struct lb_groups {
    struct lb_group *groups; /* by row, column, title */
    size_t count;
    bool labelled; /* rows are values of labels, not targets */
};

/* Cuts a report into groups by `by`, a list like "protocol,path": of "protocol", "target",
 * "client", "run" and names of labels; NULL: protocol, target and all labels. Each is judged.
 * `groups` must be zeroed, and cleared also after failure. */
int lb_groups_make(const struct lb_report *r, const char *by, struct lb_groups *groups,
                   struct lb_error *err) LB_MUST_CHECK;
void lb_groups_clear(struct lb_groups *groups);

/* The outcome of a group: that of its own traffic, or, where that was too little to tell, of its
 * probe if the same choices are made in both: per request, or per connection with a new one for
 * each. */
enum lb_outcome lb_group_outcome(const struct lb_group *group);

/* The groups of the matrix in its order; room for groups->count of them. Returns how many. */
size_t lb_groups_cells(const struct lb_groups *groups, const struct lb_group **cells);

/* The distinct columns of the cells, sorted; room for n. Returns how many. */
size_t lb_groups_columns(const struct lb_group *const *cells, size_t n, const char **columns);

/* "pinned to 1 of 3, per connection": a cell of the matrix. Returns buf. */
#define LB_CELL_TEXT 96
char *lb_group_cell(const struct lb_group *group, char buf[LB_CELL_TEXT]);

#endif
