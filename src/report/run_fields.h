/* run_fields.h - the members of a run and of how it was judged, shared by writer and reader. */
#ifndef LB_REPORT_RUN_FIELDS_H
#define LB_REPORT_RUN_FIELDS_H

#include "report/fields.h"
#include "report/report.h"

#define LB_RUN_FIELDS 5
#define LB_TARGET_FIELDS 9
#define LB_SETTINGS_FIELDS 6
#define LB_JUDGING_FIELDS 4
#define LB_WEIGHT_FIELDS 2

extern const struct lb_field lb_run_fields[LB_RUN_FIELDS];
extern const struct lb_field lb_target_fields[LB_TARGET_FIELDS];
extern const struct lb_field lb_settings_fields[LB_SETTINGS_FIELDS];
extern const struct lb_field lb_judging_fields[LB_JUDGING_FIELDS];
extern const struct lb_field lb_weight_fields[LB_WEIGHT_FIELDS];

#define LB_MODES 3
extern const char *const lb_mode_names[LB_MODES]; /* by enum lb_schedule_mode */

extern const char *const lb_document_members[];
extern const char *const lb_run_others[];
extern const char *const lb_settings_others[];
extern const char *const lb_judging_others[];
extern const char *const lb_expectation_members[];

#endif
