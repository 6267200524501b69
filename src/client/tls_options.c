/* The clients' TLS options, and what they come to. */
#include "client/tls_options.h"

#include <string.h>

/* An option that makes sense with --tls only, if one was given. */
static const char *tls_only(const struct lb_tls_options *o)
{
    return o->ca            ? "--cacert"
           : o->cert        ? "--cert"
           : o->key         ? "--key"
           : o->server_name ? "--server-name"
           : o->skip_verify ? "--insecure-skip-verify"
                            : NULL;
}

int lb_tls_settings_make(const struct lb_tls_options *o, struct lb_tls_settings *s,
                         struct lb_error *err)
{
    memset(s, 0, sizeof *s);
    if (!o->tls)
        return tls_only(o) ? lb_error_set(err, "%s needs --tls", tls_only(o)) : 0;
    if (o->skip_verify && o->ca)
        return lb_error_set(err, "--cacert and --insecure-skip-verify exclude each other");
    if (o->server_name && !*o->server_name)
        return lb_error_set(err, "--server-name is empty");
    const char *roots = o->ca;
    if (!roots && !o->skip_verify && !(roots = lb_tls_default_roots()))
        return lb_error_set(
            err, "--tls needs --cacert: there is no file of certificates this host trusts");
    if (lb_tls_pems_read(roots, o->cert, o->key, &s->pems, err) < 0)
        return -1;
    s->on = true;
    s->verify = !o->skip_verify;
    s->server_name = o->server_name;
    return 0;
}

void lb_tls_settings_clear(struct lb_tls_settings *s)
{
    lb_tls_pems_clear(&s->pems);
    s->on = false;
}
