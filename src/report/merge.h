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

/* "pinned to 1 of 3, per connection": a cell of the matrix. Static until the next call's buffer. */
#define LB_CELL_TEXT 96
char *lb_verdict_cell(const struct lb_verdict *v, char buf[LB_CELL_TEXT]);

#endif
