/* Certificates and keys read from files, good ones and those that are not. */
#include "common/tls.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "common/file.h"
#include "unit.h"

static char folder[] = "/tmp/check_tls.XXXXXX";
static struct lb_tls_pems pems;
static struct lb_error err;

static const char *path(const char *name)
{
    static char paths[4][sizeof folder + 32];
    static unsigned next;
    char *out = paths[next++ % 4];
    snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    return out;
}

static FILE *create(const char *name)
{
    FILE *f = fopen(path(name), "w");
    ck_assert_ptr_nonnull(f);
    return f;
}

/* NAME.pem, a certificate signed by its own key, NAME.key, and NAME.locked, the key with a
 * password. */
static void make_pair(const char *name)
{
    char file[32];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    snprintf(file, sizeof file, "%s.pem", name);
    FILE *f = create(file);
    ck_assert_int_eq(PEM_write_X509(f, cert), 1);
    fclose(f);
    snprintf(file, sizeof file, "%s.key", name);
    f = create(file);
    ck_assert_int_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(file, sizeof file, "%s.locked", name);
    f = create(file);
    char password[] = "secret";
    ck_assert_int_eq(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (unsigned char *)password,
                                          (int)strlen(password), NULL, NULL),
                     1);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    make_pair("a");
    make_pair("b");
    fclose(create("empty"));
    FILE *f = create("nul");
    fwrite("a\0b", 1, 3, f);
    fclose(f);
}

static void tear_down(void)
{
    static const char *const names[] = {"a.pem", "a.key",    "a.locked", "b.pem",
                                        "b.key", "b.locked", "empty",    "nul"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path(names[i]));
    rmdir(folder);
}

START_TEST(a_certificate_and_its_key_are_read)
{
    ck_assert_msg(lb_tls_pems_read(path("b.pem"), path("a.pem"), path("a.key"), &pems, &err) == 0,
                  "%s", err.text);
    ck_assert_ptr_nonnull(strstr(pems.roots, "BEGIN CERTIFICATE"));
    ck_assert_ptr_nonnull(strstr(pems.cert, "BEGIN CERTIFICATE"));
    ck_assert_ptr_nonnull(strstr(pems.key, "PRIVATE KEY"));
    lb_tls_pems_clear(&pems);
    ck_assert_ptr_null(pems.key);
}
END_TEST

START_TEST(nothing_asked_for_is_nothing_read)
{
    ck_assert_int_eq(lb_tls_pems_read(NULL, NULL, NULL, &pems, &err), 0);
    ck_assert(!pems.roots && !pems.cert && !pems.key);
}
END_TEST

static void check_refused(const char *roots, const char *cert, const char *key, const char *words)
{
    ck_assert_int_eq(lb_tls_pems_read(roots ? path(roots) : NULL, cert ? path(cert) : NULL,
                                      key ? path(key) : NULL, &pems, &err),
                     -1);
    ck_assert_msg(strstr(err.text, words) && strstr(err.text, folder), "%s", err.text);
    ck_assert(!pems.roots && !pems.cert && !pems.key);
}

START_TEST(what_does_not_fit_is_refused_with_the_file)
{
    check_refused(NULL, "a.pem", "b.key", "does not belong");
    check_refused(NULL, "a.pem", "a.locked", "password");
    check_refused(NULL, "a.pem", "a.pem", "no private key");
    check_refused(NULL, "a.key", "a.key", "no certificate");
    check_refused(NULL, "a.pem", NULL, "alone");
    check_refused(NULL, NULL, "a.key", "alone");
    check_refused("a.key", NULL, NULL, "no certificate");
    check_refused("empty", NULL, NULL, "no certificate");
    check_refused("nul", NULL, NULL, "NUL");
    check_refused("none", NULL, NULL, "No such file");
}
END_TEST

START_TEST(the_host_s_own_roots_may_be_named_by_the_environment)
{
    setenv("SSL_CERT_FILE", path("a.pem"), 1);
    ck_assert_str_eq(lb_tls_default_roots(), getenv("SSL_CERT_FILE"));
    setenv("SSL_CERT_FILE", path("none"), 1);
    const char *roots = lb_tls_default_roots();
    ck_assert(!roots || access(roots, R_OK) == 0);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_certificate_and_its_key_are_read);
    tcase_add_test(tests, nothing_asked_for_is_nothing_read);
    tcase_add_test(tests, what_does_not_fit_is_refused_with_the_file);
    tcase_add_test(tests, the_host_s_own_roots_may_be_named_by_the_environment);
}

LB_UNIT_MAIN("tls", fill)
