/* A report from anywhere: what is read can be judged, shown, and written so that it is read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "report/html.h"
#include "report/report_read.h"
#include "report/report_text.h"
#include "report/report_write.h"

static void show(const struct lb_report *r)
{
    struct lb_groups groups = {0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out && lb_groups_make(r, NULL, &groups, NULL) == 0 &&
        (lb_report_print_text(out, &groups, 80, NULL) < 0 ||
         lb_report_print_html(out, &groups, NULL) < 0))
        abort();
    if (out)
        fclose(out);
    free(text);
    lb_groups_clear(&groups);
}

static void write_and_read(const struct lb_report *r)
{
    struct lb_verdict *verdict = NULL;
    struct lb_error err = {""};
    if (lb_report_judge(r, NULL, &verdict, NULL) < 0)
        return;
    char *text = lb_report_text(r, verdict, NULL, "fuzz", "1");
    struct lb_report *again = text ? lb_report_parse("again", text, strlen(text), &err) : NULL;
    if (text && !again) {
        fprintf(stderr, "%s\n%s\n", err.text, text);
        abort();
    }
    lb_report_free(again);
    free(text);
    lb_verdict_free(verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lb_error err = {""};
    struct lb_report *r = lb_report_parse("fuzz", (const char *)data, size, &err);
    if (!r) {
        if (strncmp(err.text, "fuzz:", 5) != 0)
            abort();
        return 0;
    }
    show(r);
    write_and_read(r);
    lb_report_free(r);
    return 0;
}
