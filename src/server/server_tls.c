/* The server's certificate. */
#include "server/server_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CERT, KEY, CLIENT_CA, FILES };

/* What tells one version of a file from the next, also behind Kubernetes' symbolic links. */
struct version {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified;
};

struct lb_server_tls {
    const char *paths[FILES]; /* NULL: not asked for */
    struct version versions[FILES];
    pthread_mutex_t lock; /* of what follows */
    SSL_CTX *context;
    struct lb_tls_pems pems;
    unsigned generation;
};

static struct version version_of(const char *path)
{
    struct stat st;
    struct version v = {0};
    if (path && stat(path, &st) == 0) {
        v.dev = st.st_dev;
        v.ino = st.st_ino;
        v.size = st.st_size;
        v.modified = st.st_mtim;
    }
    return v;
}

static bool same(const struct version *a, const struct version *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Adds what a PEM text holds: the first certificate as ours, the others as its chain. */
static int use_chain(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    int ok = cert && SSL_CTX_use_certificate(context, cert) == 1;
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        ok = SSL_CTX_add0_chain_cert(context, cert) == 1;
        if (!ok)
            X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is an error to the last read */
    return ok ? 0 : -1;
}

static int use_key(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    int ok =
        key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok ? 0 : -1;
}

static int use_client_roots(SSL_CTX *context, const char *pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert;
    int ok = bio != NULL;
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        ok = X509_STORE_add_cert(store, cert) == 1 && SSL_CTX_add_client_CA(context, cert) == 1;
        X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ok ? 0 : -1;
}

/* RFC 7301: who offers protocols but not ours is refused. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const struct lb_server_tls *t, const struct lb_tls_pems *pems,
                             struct lb_error *err)
{
    static const unsigned char session[] = "lbdemo-server";
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_session_id_context(context, session, sizeof session - 1) == 1 &&
        use_chain(context, pems->cert) == 0 && use_key(context, pems->key) == 0 &&
        (!pems->roots || use_client_roots(context, pems->roots) == 0)) {
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
        return context;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    lb_error_set(err, "cannot use the certificate in '%s': %s", t->paths[CERT],
                 reason ? reason : "out of memory");
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

int lb_server_tls_reload(struct lb_server_tls *t, struct lb_error *err)
{
    struct lb_tls_pems pems, old_pems;
    for (int i = 0; i < FILES; i++)
        t->versions[i] = version_of(t->paths[i]);
    if (lb_tls_pems_read(t->paths[CLIENT_CA], t->paths[CERT], t->paths[KEY], &pems, err) < 0)
        return -1;
    SSL_CTX *context = make_context(t, &pems, err);
    if (!context) {
        lb_tls_pems_clear(&pems);
        return -1;
    }
    pthread_mutex_lock(&t->lock);
    SSL_CTX *old = t->context;
    old_pems = t->pems;
    t->context = context;
    t->pems = pems;
    t->generation++;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old); /* connections that use it hold it */
    lb_tls_pems_clear(&old_pems);
    return 0;
}

bool lb_server_tls_changed(struct lb_server_tls *t)
{
    for (int i = 0; i < FILES; i++) {
        struct version now = version_of(t->paths[i]);
        if (!same(&now, &t->versions[i]))
            return true;
    }
    return false;
}

struct lb_server_tls *lb_server_tls_open(const char *cert, const char *key, const char *client_ca,
                                         struct lb_error *err)
{
    struct lb_server_tls *t = calloc(1, sizeof *t);
    if (!t || pthread_mutex_init(&t->lock, NULL) != 0) {
        lb_error_set(err, "out of memory");
        free(t);
        return NULL;
    }
    t->paths[CERT] = cert;
    t->paths[KEY] = key;
    t->paths[CLIENT_CA] = client_ca;
    if (lb_server_tls_reload(t, err) == 0)
        return t;
    lb_server_tls_free(t);
    return NULL;
}

void lb_server_tls_free(struct lb_server_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    lb_tls_pems_clear(&t->pems);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

SSL *lb_server_tls_accept(struct lb_server_tls *t)
{
    pthread_mutex_lock(&t->lock);
    SSL *ssl = SSL_new(t->context);
    pthread_mutex_unlock(&t->lock);
    return ssl;
}

int lb_server_tls_pems(struct lb_server_tls *t, struct lb_tls_pems *pems, unsigned *generation,
                       struct lb_error *err)
{
    pthread_mutex_lock(&t->lock);
    pems->roots = t->pems.roots ? strdup(t->pems.roots) : NULL;
    pems->cert = strdup(t->pems.cert);
    pems->key = strdup(t->pems.key);
    *generation = t->generation;
    bool failed = !pems->cert || !pems->key || (t->pems.roots && !pems->roots);
    pthread_mutex_unlock(&t->lock);
    if (!failed)
        return 0;
    lb_tls_pems_clear(pems);
    return lb_error_set(err, "out of memory");
}
