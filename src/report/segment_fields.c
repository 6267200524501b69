/* The members of a segment's structs. See segment_fields.h; their meaning is in balance/segment.h.
 */
#include "report/segment_fields.h"

const struct lb_field lb_segment_fields[LB_SEGMENT_FIELDS] = {
    {"first", LB_FIELD_U64, offsetof(struct lb_segment, first)},
    {"last", LB_FIELD_U64, offsetof(struct lb_segment, last)},
    {"requests", LB_FIELD_U64, offsetof(struct lb_segment, requests)},
    {"answers", LB_FIELD_U64, offsetof(struct lb_segment, answers)},
    {"errors", LB_FIELD_U64, offsetof(struct lb_segment, errors)},
    {"starts", LB_FIELD_U64, offsetof(struct lb_segment, starts)},
    {"start_errors", LB_FIELD_U64, offsetof(struct lb_segment, start_errors), true},
    {"aside_errors", LB_FIELD_U64, offsetof(struct lb_segment, aside_errors), true},
    {"aside_start_errors", LB_FIELD_U64, offsetof(struct lb_segment, aside_start_errors), true},
    {"unnamed_answers", LB_FIELD_U64, offsetof(struct lb_segment, unnamed_answers), true},
    {"dropped_names", LB_FIELD_U64, offsetof(struct lb_segment, dropped_names), true},
    {"late", LB_FIELD_U64, offsetof(struct lb_segment, late), true},
    {"with_server_id", LB_FIELD_U64, offsetof(struct lb_segment, with_server_id), true},
    {"with_new_server", LB_FIELD_U64, offsetof(struct lb_segment, with_new_server), true},
    {"with_proxy", LB_FIELD_U64, offsetof(struct lb_segment, with_proxy), true},
    {"pooled", LB_FIELD_U64, offsetof(struct lb_segment, pooled), true},
    {"end_ns", LB_FIELD_I64, offsetof(struct lb_segment, end_ns)},
    {"other_errors", LB_FIELD_U64, offsetof(struct lb_segment, other_errors), true},
    {"slot_shift", LB_FIELD_UINT, offsetof(struct lb_segment, slot_shift), true, .max = 40},
};

const struct lb_field lb_backend_fields[LB_BACKEND_FIELDS] = {
    {"name", LB_FIELD_TEXT, offsetof(struct lb_backend, name)},
    {"boot", LB_FIELD_TEXT, offsetof(struct lb_backend, boot), true},
    {"version", LB_FIELD_TEXT, offsetof(struct lb_backend, version), true},
    {"zone", LB_FIELD_TEXT, offsetof(struct lb_backend, zone), true},
    {"node", LB_FIELD_TEXT, offsetof(struct lb_backend, node), true},
    {"answers", LB_FIELD_U64, offsetof(struct lb_backend, answers)},
    {"errors", LB_FIELD_U64, offsetof(struct lb_backend, errors), true},
    {"starts", LB_FIELD_U64, offsetof(struct lb_backend, starts), true},
    {"aside", LB_FIELD_U64, offsetof(struct lb_backend, aside), true},
    {"aside_starts", LB_FIELD_U64, offsetof(struct lb_backend, aside_starts), true},
    {"first_request", LB_FIELD_U64, offsetof(struct lb_backend, first_request), true},
    {"last_request", LB_FIELD_U64, offsetof(struct lb_backend, last_request), true},
    {"first_ns", LB_FIELD_I64, offsetof(struct lb_backend, first_ns), true},
    {"last_ns", LB_FIELD_I64, offsetof(struct lb_backend, last_ns), true},
};

const struct lb_field lb_connection_fields[LB_CONNECTION_FIELDS] = {
    {"id", LB_FIELD_U64, offsetof(struct lb_connection, id)},
    {"channel", LB_FIELD_U64, offsetof(struct lb_connection, channel), true},
    {"requests", LB_FIELD_U64, offsetof(struct lb_connection, requests)},
    {"first_request", LB_FIELD_U64, offsetof(struct lb_connection, first_request), true},
    {"last_request", LB_FIELD_U64, offsetof(struct lb_connection, last_request), true},
    {"answers", LB_FIELD_U64, offsetof(struct lb_connection, answers), true},
    {"leaves", LB_FIELD_U64, offsetof(struct lb_connection, leaves), true},
    {"first_backend", LB_FIELD_INDEX, offsetof(struct lb_connection, first_backend), true},
    {"last_backend", LB_FIELD_INDEX, offsetof(struct lb_connection, last_backend), true},
    {"first_ordinal", LB_FIELD_UINT, offsetof(struct lb_connection, first_ordinal), true},
    {"last_ordinal", LB_FIELD_UINT, offsetof(struct lb_connection, last_ordinal), true},
    {"first_server", LB_FIELD_HASH, offsetof(struct lb_connection, first_server), true},
    {"last_server", LB_FIELD_HASH, offsetof(struct lb_connection, last_server), true},
    {"first_server_ordinal", LB_FIELD_U64, offsetof(struct lb_connection, first_server_ordinal),
     true},
    {"address", LB_FIELD_INDEX, offsetof(struct lb_connection, address), true},
    {"n_backends", LB_FIELD_UINT, offsetof(struct lb_connection, n_backends), true,
     .max = LB_CONNECTION_BACKENDS + 1},
};

const struct lb_field lb_folded_fields[LB_FOLDED_FIELDS] = {
    {"connections", LB_FIELD_U64, offsetof(struct lb_folded, connections)},
    {"answers", LB_FIELD_U64, offsetof(struct lb_folded, answers)},
    {"single", LB_FIELD_U64, offsetof(struct lb_folded, single)},
    {"several", LB_FIELD_U64, offsetof(struct lb_folded, several)},
    {"pairs", LB_FIELD_U64, offsetof(struct lb_folded, pairs), false, .max = INT64_MAX},
    {"same_pairs", LB_FIELD_U64, offsetof(struct lb_folded, same_pairs), false, .max = INT64_MAX},
    {"squares", LB_FIELD_U64, offsetof(struct lb_folded, squares), false, .max = INT64_MAX},
};

const struct lb_field lb_key_fields[LB_KEY_FIELDS] = {
    {"value", LB_FIELD_UINT, offsetof(struct lb_key, value)},
    {"starts", LB_FIELD_U64, offsetof(struct lb_key, starts)},
    {"first_request", LB_FIELD_U64, offsetof(struct lb_key, first_request), true},
    {"last_request", LB_FIELD_U64, offsetof(struct lb_key, last_request), true},
    {"first_backend", LB_FIELD_INDEX, offsetof(struct lb_key, first_backend), true},
    {"last_backend", LB_FIELD_INDEX, offsetof(struct lb_key, last_backend), true},
};

const struct lb_field lb_status_fields[LB_STATUS_FIELDS] = {
    {"text", LB_FIELD_TEXT, offsetof(struct lb_status, text)},
    {"count", LB_FIELD_U64, offsetof(struct lb_status, count)},
    {"replied", LB_FIELD_BOOL, offsetof(struct lb_status, replied), true},
};

const struct lb_field lb_coin_fields[LB_COIN_FIELDS] = {
    {"tosses", LB_FIELD_U64, offsetof(struct lb_coin, tosses)},
    {"own", LB_FIELD_U64, offsetof(struct lb_coin, own)},
    {"other", LB_FIELD_U64, offsetof(struct lb_coin, other)},
};

const struct lb_field lb_latency_fields[LB_LATENCY_FIELDS] = {
    {"count", LB_FIELD_U64, offsetof(struct lb_histogram, count)},
    {"sum_us", LB_FIELD_U64, offsetof(struct lb_histogram, sum_us)},
    {"min_us", LB_FIELD_U64, offsetof(struct lb_histogram, min_us)},
    {"max_us", LB_FIELD_U64, offsetof(struct lb_histogram, max_us)},
};

const char *const lb_level_names[LB_LEVELS] = {
    [LB_LEVEL_CONNECTION] = "connection",   [LB_LEVEL_ADDRESS] = "address",
    [LB_LEVEL_SOURCE] = "source",           [LB_LEVEL_COOKIE] = "cookie",
    [LB_LEVEL_HEADER] = "header",           [LB_LEVEL_PATH] = "path",
    [LB_LEVEL_ADDRESS_SET] = "address_set",
};

const char *const lb_pair_names[LB_PAIRS] = {
    [LB_PAIR_CONNECTION] = "connection", [LB_PAIR_KEPT] = "kept",       [LB_PAIR_TIME] = "time",
    [LB_PAIR_STARTS] = "starts",         [LB_PAIR_ADDRESS] = "address", [LB_PAIR_SOURCE] = "source",
    [LB_PAIR_COOKIE] = "cookie",         [LB_PAIR_HEADER] = "header",   [LB_PAIR_PATH] = "path",
};

const char *const lb_segment_others[] = {"backends", "addresses", "connections", "folded",
                                         "keys",     "statuses",  "coins",       "order",
                                         "opened",   "raw",       NULL};
const char *const lb_backend_others[] = {"pairs", "slots", "latency", NULL};
const char *const lb_connection_others[] = {"keys", "backends", NULL};
