/* Cookies of one jar: what a sticky balancer sets, to be sent back. Names and values only: the run
 * speaks to one host, and is over before they expire. */
#ifndef LB_CLIENT_HTTP_COOKIES_H
#define LB_CLIENT_HTTP_COOKIES_H

#include <stddef.h>

#define LB_JAR_COOKIES 16  /* a jar; more are left out */
#define LB_COOKIE_MAX 1024 /* bytes of "name=value"; longer ones are left out */
#define LB_JAR_HEADER (LB_JAR_COOKIES * (LB_COOKIE_MAX + 2))

struct evkeyvalq;

/* Zero-initialised it is empty. */
struct lb_jar {
    char *cookies[LB_JAR_COOKIES]; /* "name=value" */
    size_t count;
};

/* Takes the cookies of all Set-Cookie headers; one with the name of an older one replaces it. */
void lb_jar_take(struct lb_jar *jar, const struct evkeyvalq *headers);

/* Writes the Cookie header's value, "a=1; b=2", and returns its length: 0 without cookies. */
size_t lb_jar_header(const struct lb_jar *jar, char header[LB_JAR_HEADER]);

void lb_jar_clear(struct lb_jar *jar);

#endif
