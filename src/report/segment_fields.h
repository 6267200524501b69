/* segment_fields.h - the members of a segment's structs, shared by writer and reader. */
#ifndef LB_REPORT_SEGMENT_FIELDS_H
#define LB_REPORT_SEGMENT_FIELDS_H

#include "balance/segment.h"
#include "report/fields.h"

#define LB_SEGMENT_FIELDS 19
#define LB_BACKEND_FIELDS 14
#define LB_CONNECTION_FIELDS 16
#define LB_FOLDED_FIELDS 7
#define LB_KEY_FIELDS 6
#define LB_STATUS_FIELDS 3
#define LB_COIN_FIELDS 3
#define LB_LATENCY_FIELDS 4

extern const struct lb_field lb_segment_fields[LB_SEGMENT_FIELDS];
extern const struct lb_field lb_backend_fields[LB_BACKEND_FIELDS];
extern const struct lb_field lb_connection_fields[LB_CONNECTION_FIELDS];
extern const struct lb_field lb_folded_fields[LB_FOLDED_FIELDS];
extern const struct lb_field lb_key_fields[LB_KEY_FIELDS];
extern const struct lb_field lb_status_fields[LB_STATUS_FIELDS];
extern const struct lb_field lb_coin_fields[LB_COIN_FIELDS];
extern const struct lb_field lb_latency_fields[LB_LATENCY_FIELDS];

/* By enum lb_level and enum lb_pair_kind. */
extern const char *const lb_level_names[LB_LEVELS];
extern const char *const lb_pair_names[LB_PAIRS];

/* Members of a segment, a backend and a connection that are no fields. */
extern const char *const lb_segment_others[];
extern const char *const lb_backend_others[];
extern const char *const lb_connection_others[];

#endif
