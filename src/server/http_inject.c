/* One connection of the HTTP server: faults on demand. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "server/http_connection.h"

/* Of a query's value: "%3D" is "=". Returns the length; too much or a bad '%' is left as it is. */
static size_t decode(char *out, size_t size, const char *text, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used < size; i++) {
        char digits[3] = {0}, *end;
        if (text[i] == '%' && len - i > 2) {
            memcpy(digits, text + i + 1, 2);
            long value = strtol(digits, &end, 16);
            if (end == digits + 2) {
                out[used++] = (char)value;
                i += 2;
                continue;
            }
        }
        out[used++] = text[i];
    }
    return used;
}

static int draw(struct lb_http_connection *c, const char *asked, size_t asked_len,
                const char *query, size_t query_len, struct lb_error *err)
{
    struct lb_http_worker *w = c->worker;
    struct lb_faults *faults = w->config->faults;
    char decoded[LB_FAULT_TEXT_MAX];
    c->fault = (struct lb_fault){0};
    c->fault_drawn = true;
    if (!faults || !c->route || !c->route->faults)
        return 0;
    if (!asked && query_len > 0 && lb_faults_allowed(faults)) {
        struct lb_http_request request = {.query = query, .query_len = query_len};
        size_t len;
        const char *value = lb_http_query_value(&request, LB_FAULT_QUERY, &len);
        if (value) {
            asked_len = decode(decoded, sizeof decoded, value, len);
            asked = decoded;
        }
    }
    return lb_faults_decide(faults, asked, asked_len, &w->seed, &c->fault, err) < 0 ? 400 : 0;
}

/* Waits without holding up the thread. */
static void delay(struct lb_http_connection *c)
{
    c->delayed_until_ns = lb_clock_monotonic_ns() + c->fault.delay_ns;
    c->fault.delay_ns = 0;
    c->state = LB_HTTP_DELAYING;
    lb_metrics_fault(c->worker->metrics, LB_FAULT_DELAYED);
    lb_http_connection_busy_until(c, c->delayed_until_ns);
}

/* Dissolving the association makes the kernel send the reset at once. */
static void reset(struct lb_http_connection *c)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    lb_metrics_fault(c->worker->metrics, LB_FAULT_RESET_SENT);
    if (connect(c->fd, &nobody, sizeof nobody) < 0)
        shutdown(c->fd, SHUT_RDWR); /* a unix socket: its client sees the end */
    lb_http_connection_abort(c, LB_CLOSE_FAULT);
}

int lb_http_inject(struct lb_http_connection *c, const char *asked, size_t asked_len,
                   const char *query, size_t query_len, struct lb_error *err)
{
    if (!c->fault_drawn) {
        int status = draw(c, asked, asked_len, query, query_len, err);
        if (status)
            return status;
    }
    if (c->fault.delay_ns > 0) {
        delay(c);
        return -1;
    }
    if (c->fault.reset) {
        reset(c);
        return -1;
    }
    if (c->fault.status)
        lb_metrics_fault(c->worker->metrics, LB_FAULT_STATUS_SENT);
    return 0;
}

void lb_http_fault_reply(struct lb_http_reply *reply, int status, const char *text)
{
    char *body = NULL;
    int len = asprintf(&body, "%d: %s\n", status, text);
    *reply = (struct lb_http_reply){.status = 200};
    lb_http_reply_owned(reply, LB_HTTP_TEXT, len < 0 ? NULL : body, (size_t)len);
    if (reply->status == 200)
        reply->status = status;
}
