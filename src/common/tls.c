/* Certificates and keys in PEM, read and checked. */
#include "common/tls.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

static int read_pem(const char *path, char **pem, struct lb_error *err)
{
    size_t size;
    if (!path)
        return 0;
    if (lb_file_read(path, LB_TLS_MAX_FILE, pem, &size, err) < 0)
        return -1;
    return strlen(*pem) == size ? 0 : lb_error_set(err, "'%s' is not PEM: it has a NUL byte", path);
}

/* The first certificate, or NULL. */
static X509 *parse_cert(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return cert;
}

static int no_password(char *buf, int size, int writing, void *asked)
{
    (void)buf, (void)size, (void)writing;
    *(int *)asked = 1;
    return -1;
}

static int check_key(const char *path, const char *pem, const char *cert_path, X509 *cert,
                     struct lb_error *err)
{
    int asked = 0, result = -1;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked) : NULL;
    if (asked)
        lb_error_set(err, "the key in '%s' has a password: it must have none", path);
    else if (!key)
        lb_error_set(err, "'%s' has no private key in PEM", path);
    else if (X509_check_private_key(cert, key) != 1)
        lb_error_set(err, "the key in '%s' does not belong to the certificate in '%s'", path,
                     cert_path);
    else
        result = 0;
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

static int check_cert(const char *path, const char *pem, const char *key_path, const char *key,
                      struct lb_error *err)
{
    if (!pem)
        return 0;
    X509 *cert = parse_cert(pem);
    if (!cert)
        return lb_error_set(err, "'%s' has no certificate in PEM", path);
    int result = key ? check_key(key_path, key, path, cert, err) : 0;
    X509_free(cert);
    return result;
}

int lb_tls_pems_read(const char *roots, const char *cert, const char *key, struct lb_tls_pems *pems,
                     struct lb_error *err)
{
    *pems = (struct lb_tls_pems){NULL, NULL, NULL};
    if (!cert != !key)
        return lb_error_set(err,
                            "'%s' is of no use alone: a certificate needs its key and a key its "
                            "certificate",
                            cert ? cert : key);
    if (read_pem(roots, &pems->roots, err) == 0 && read_pem(cert, &pems->cert, err) == 0 &&
        read_pem(key, &pems->key, err) == 0 &&
        check_cert(roots, pems->roots, NULL, NULL, err) == 0 &&
        check_cert(cert, pems->cert, key, pems->key, err) == 0)
        return 0;
    lb_tls_pems_clear(pems);
    return -1;
}

void lb_tls_pems_clear(struct lb_tls_pems *pems)
{
    if (pems->key)
        OPENSSL_cleanse(pems->key, strlen(pems->key));
    free(pems->roots);
    free(pems->cert);
    free(pems->key);
    *pems = (struct lb_tls_pems){NULL, NULL, NULL};
}

const char *lb_tls_default_roots(void)
{
    const char *candidates[] = {getenv(X509_get_default_cert_file_env()),
                                X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt"};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i] && access(candidates[i], R_OK) == 0)
            return candidates[i];
    }
    return NULL;
}
