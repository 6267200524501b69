/* TLS for the HTTP client's connections, on OpenSSL. */
#include "client/http_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lb_http_tls {
    SSL_CTX *context;
    bool verify;
    char *name; /* that the certificate must have */
};

static bool is_address(const char *name)
{
    struct in6_addr in;
    return inet_pton(AF_INET, name, &in) == 1 || inet_pton(AF_INET6, name, &in) == 1;
}

static int trust(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate;
    int count = 0, bad = !bio;
    while (!bad && (certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL))) {
        bad = X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) != 1;
        X509_free(certificate);
        count++;
    }
    ERR_clear_error(); /* the end of the text is an error, too */
    BIO_free(bio);
    return bad || count == 0 ? -1 : 0;
}

/* The first certificate is ours, those after it lead to a root. */
static int use_certificates(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    int bad = !certificate || SSL_CTX_use_certificate(context, certificate) != 1;
    X509_free(certificate);
    while (!bad && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        bad = SSL_CTX_add1_chain_cert(context, certificate) != 1;
        X509_free(certificate);
    }
    ERR_clear_error();
    BIO_free(bio);
    return bad ? -1 : 0;
}

static int use_key(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    int bad = !key || SSL_CTX_use_PrivateKey(context, key) != 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return bad ? -1 : 0;
}

static int set_up(SSL_CTX *context, const struct lb_tls_settings *settings)
{
    const struct lb_tls_pems *pems = &settings->pems;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (pems->roots && trust(context, pems->roots) < 0)
        return -1;
    return pems->cert &&
                   (use_certificates(context, pems->cert) < 0 || use_key(context, pems->key) < 0)
               ? -1
               : 0;
}

struct lb_http_tls *lb_http_tls_new(const struct lb_tls_settings *settings, const char *host,
                                    struct lb_error *err)
{
    char why[256] = "out of memory";
    struct lb_http_tls *tls = calloc(1, sizeof *tls);
    if (tls) {
        tls->verify = settings->verify;
        tls->name = strdup(settings->server_name ? settings->server_name : host);
        tls->context = SSL_CTX_new(TLS_client_method());
    }
    if (tls && tls->name && tls->context && set_up(tls->context, settings) == 0)
        return tls;
    if (ERR_peek_error())
        ERR_error_string_n(ERR_get_error(), why, sizeof why);
    lb_error_set(err, "TLS could not be set up: %s", why);
    lb_http_tls_free(tls);
    return NULL;
}

void lb_http_tls_free(struct lb_http_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->name);
    free(tls);
}

SSL *lb_http_tls_connection(const struct lb_http_tls *tls)
{
    SSL *ssl = SSL_new(tls->context);
    bool address = is_address(tls->name);
    int bad = !ssl;
    /* RFC 6066 section 3: no address as server name. */
    if (!bad && !address)
        bad = SSL_set_tlsext_host_name(ssl, tls->name) != 1;
    if (!bad && tls->verify)
        bad = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->name) != 1
                      : SSL_set1_host(ssl, tls->name) != 1;
    if (bad) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}

void lb_http_tls_error(const SSL *connection, unsigned long error, char *text, size_t size)
{
    long verified = SSL_get_verify_result(connection);
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
        snprintf(text, size, "the server's certificate is for another name");
    else if (verified != X509_V_OK)
        snprintf(text, size, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(text, size, "%s", reason ? reason : "");
}
