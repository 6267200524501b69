/* What a client prints about each request while it runs. */
#include "client/output.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "balance/verdict_text.h"

struct lb_output {
    FILE *out;
    enum lb_output_format format;
    bool quiet;
};

static const char *const outcomes[] = {
    [LB_REPLY_OK] = "ok",
    [LB_REPLY_STATUS] = "status",
    [LB_REPLY_ERROR] = "error",
    [LB_REPLY_TIMEOUT] = "timeout",
};

struct lb_output *lb_output_new(FILE *out, enum lb_output_format format, bool quiet)
{
    struct lb_output *output = malloc(sizeof *output);
    if (output)
        *output = (struct lb_output){out, format, quiet};
    return output;
}

static int print_line(FILE *out, const struct lb_done *done)
{
    bool ok = done->reply->outcome == LB_REPLY_OK;
    char *text = lb_escape_name(ok ? done->reply->backend : done->reply->error);
    if (!text)
        return -1;
    int n = fprintf(out, "#%" PRIu64 ": %s%s\n", done->number,
                    ok ? "" : "error: ", *text ? text : "(no name)");
    free(text);
    return n;
}

/* Adds a text fit for JSON; nothing when it is "". */
static int add_text(json_t *object, const char *name, const char *text)
{
    if (!*text)
        return 0;
    char *clean = lb_escape_name(text);
    int bad = !clean || json_object_set_new(object, name, json_string(clean)) < 0;
    free(clean);
    return bad ? -1 : 0;
}

static int add_number(json_t *object, const char *name, uint64_t n)
{
    return n ? json_object_set_new(object, name, json_integer((json_int_t)n)) : 0;
}

static json_t *request_object(const struct lb_done *done)
{
    const struct lb_reply *r = done->reply;
    json_t *o = json_pack("{sI ss sI sI sI sI}", "request", (json_int_t)done->number, "outcome",
                          outcomes[r->outcome], "planned_us", (json_int_t)(done->planned_ns / 1000),
                          "sent_us", (json_int_t)(done->sent_ns / 1000), "finish_us",
                          (json_int_t)(done->finish_ns / 1000), "latency_us",
                          (json_int_t)((done->finish_ns - done->planned_ns) / 1000));
    if (!o)
        return NULL;
    int bad = add_text(o, "error", r->error) | add_text(o, "backend", r->backend) |
              add_text(o, "boot_id", r->boot_id) | add_text(o, "version", r->version) |
              add_text(o, "zone", r->zone) | add_text(o, "node", r->node) |
              add_number(o, "connection", r->connection) | add_number(o, "ordinal", r->ordinal) |
              add_text(o, "remote", r->remote) | add_text(o, "local", r->local) |
              add_number(o, "server_connection", r->server_connection) |
              add_number(o, "server_ordinal", r->server_ordinal) |
              add_text(o, "server_peer", r->server_peer) |
              add_text(o, "proxy_headers", r->proxy_headers);
    if (r->outcome == LB_REPLY_OK || r->outcome == LB_REPLY_STATUS)
        bad |= json_object_set_new(o, "status", json_integer(r->status));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static int print_object(FILE *out, const struct lb_done *done)
{
    json_t *o = request_object(done);
    if (!o)
        return -1;
    int n = json_dumpf(o, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(o);
    return n < 0 ? -1 : fputc('\n', out);
}

int lb_output_request(struct lb_output *output, const struct lb_done *done)
{
    if (output->quiet || output->format == LB_OUTPUT_JSON)
        return 0;
    int n = output->format == LB_OUTPUT_TEXT ? print_line(output->out, done)
                                             : print_object(output->out, done);
    return n < 0 || fflush(output->out) != 0 ? -1 : 0;
}

void lb_output_free(struct lb_output *output)
{
    free(output);
}
