/* Certificates and keys in PEM, read and checked before any library sees them: what OpenSSL and the
 * gRPC core say of a bad one names no file. */
#ifndef LB_COMMON_TLS_H
#define LB_COMMON_TLS_H

#include "common/error.h"

enum { LB_TLS_MAX_FILE = 4 << 20 };

/* Contents of files, NULL where none was asked for. */
struct lb_tls_pems {
    char *roots; /* certificates to trust */
    char *cert;  /* our own, followed by those that lead to a root */
    char *key;   /* of our own */
};

/* Reads the files; each may be NULL, but `cert` and `key` only both. `roots` must hold a
 * certificate, `cert` one that `key`, without a password, belongs to. After success the caller
 * releases `pems` with lb_tls_pems_clear; after failure there is nothing to release. */
int lb_tls_pems_read(const char *roots, const char *cert, const char *key, struct lb_tls_pems *pems,
                     struct lb_error *err) LB_MUST_CHECK;

/* Overwrites the key, too. */
void lb_tls_pems_clear(struct lb_tls_pems *pems);

/* The file of the certificates this host trusts: $SSL_CERT_FILE, else OpenSSL's own, else Debian's
 * bundle; NULL when none is there. */
const char *lb_tls_default_roots(void);

#endif
