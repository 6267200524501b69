/* The members of a run and of how it was judged. See run_fields.h; their meaning is in report.h. */
#include "report/run_fields.h"

#define RUN(type, member) LB_FIELD_##type, offsetof(struct lb_report_run, member)
#define TARGET(type, member) LB_FIELD_##type, offsetof(struct lb_target_facts, member)
#define SETTING(type, member) LB_FIELD_##type, offsetof(struct lb_report_settings, member)
#define JUDGING(type, member) LB_FIELD_##type, offsetof(struct lb_report_judging, member)

#define MAX_TARGET 4096 /* bytes of a target: a URL may be long */

const struct lb_field lb_run_fields[LB_RUN_FIELDS] = {
    {"id", RUN(TEXT, id), false},
    {"client", RUN(TEXT, client), true},
    {"program", RUN(TEXT, program), false},
    {"program_version", RUN(TEXT, program_version), false},
    {"duration_ns", RUN(I64, duration_ns), false},
};

const struct lb_field lb_target_fields[LB_TARGET_FIELDS] = {
    {"protocol", TARGET(TEXT, protocol), false, 0, 16},
    {"name", TARGET(TEXT, target), false, 0, MAX_TARGET},
    {"lb_policy", TARGET(TEXT, lb_policy), true},
    {"addresses", TARGET(UINT, addresses), false},
    {"channels", TARGET(UINT, channels), false},
    {"new_connections", TARGET(BOOL, new_connections), false},
    {"cookies", TARGET(BOOL, cookies), false},
    {"tls", TARGET(BOOL, tls), false},
    {"diagnosed", TARGET(BOOL, diagnosed), false},
};

const struct lb_field lb_settings_fields[LB_SETTINGS_FIELDS] = {
    {"seed", SETTING(U64, seed), false, 0, INT64_MAX},
    {"connections", SETTING(UINT, connections), false},
    {"streams", SETTING(UINT, streams), false},
    {"interval_ns", SETTING(I64, interval_ns), false},
    {"timeout_ns", SETTING(I64, timeout_ns), false},
    {"warmup_ns", SETTING(I64, warmup_ns), false},
};

const struct lb_field lb_judging_fields[LB_JUDGING_FIELDS] = {
    {"alpha_layer", JUDGING(DOUBLE, alpha_layer), false, 0, 1},
    {"alpha_evenness", JUDGING(DOUBLE, alpha_evenness), false, 0, 1},
    {"expected_backends", JUDGING(UINT, expected_backends), false},
    {"group_by", JUDGING(TEXT, group_by), true},
};

const struct lb_field lb_weight_fields[LB_WEIGHT_FIELDS] = {
    {"name", LB_FIELD_TEXT, offsetof(struct lb_weight, name), false},
    {"weight", LB_FIELD_DOUBLE, offsetof(struct lb_weight, weight), false, 0, LB_REPORT_MAX_COUNT},
};

const char *const lb_mode_names[LB_MODES] = {
    [LB_SCHEDULE_ROUNDS] = "rounds",
    [LB_SCHEDULE_NEW] = "new",
    [LB_SCHEDULE_DIAGNOSE] = "diagnose",
};

const char *const lb_document_members[] = {"format",          "version", "program",
                                           "program_version", "verdict", "groups",
                                           "judging",         "runs",    NULL};
const char *const lb_run_others[] = {"started", "target", "settings", "labels", "segments", NULL};
const char *const lb_settings_others[] = {"mode", NULL};
const char *const lb_judging_others[] = {"weights", "expectation", NULL};
const char *const lb_expectation_members[] = {"word",   "backends", "max_errors",
                                              "result", "reason",   NULL};
