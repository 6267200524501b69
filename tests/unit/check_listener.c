/* Listening sockets: exclusive addresses, one socket a thread. */
#include "server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static struct lb_listener *must_open(const char *text, size_t count)
{
    struct lb_error err = {""};
    struct lb_listener *l = lb_listener_open(text, count, &err);
    ck_assert_msg(l != NULL, "%s", err.text);
    return l;
}

static int must_connect(const char *text)
{
    struct lb_address a;
    ck_assert_int_eq(lb_address_parse_listen(text, &a, NULL), 0);
    int fd = socket(a.sa.ss_family, SOCK_STREAM, 0);
    ck_assert_msg(connect(fd, (struct sockaddr *)&a.sa, a.len) == 0, "%s: %s", text,
                  strerror(errno));
    return fd;
}

static char *temporary_folder(void)
{
    static char folder[] = "/tmp/check_listener.XXXXXX";
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

START_TEST(port_zero_is_replaced_by_the_real_port)
{
    struct lb_listener *l = must_open("127.0.0.1:0", 1);
    ck_assert_int_eq(strncmp(lb_listener_address(l), "127.0.0.1:", 10), 0);
    ck_assert_int_gt(atoi(lb_listener_address(l) + 10), 0);
    int client = must_connect(lb_listener_address(l));
    int fd = lb_listener_take(l, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 5000), 1);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(lb_listener_take(l, 0), -1);
    close(client);
    close(fd);
    lb_listener_free(l);
}
END_TEST

START_TEST(connections_spread_over_the_sockets_of_one_address)
{
    enum { SOCKETS = 3, CLIENTS = 120 };
    struct lb_listener *l = must_open("127.0.0.1:0", SOCKETS);
    int clients[CLIENTS], accepted[SOCKETS] = {0}, total = 0;
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = must_connect(lb_listener_address(l));
    for (int s = 0; s < SOCKETS; s++) {
        int fd = lb_listener_take(l, (size_t)s);
        for (int got; (got = accept(fd, NULL, NULL)) >= 0; accepted[s]++)
            close(got);
        ck_assert_int_eq(errno, EAGAIN);
        ck_assert_int_gt(accepted[s], 0);
        total += accepted[s];
        close(fd);
    }
    ck_assert_int_eq(total, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    lb_listener_free(l);
}
END_TEST

START_TEST(an_address_in_use_is_refused_however_many_sockets_share_it)
{
    for (size_t mine = 1; mine <= 2; mine++) {
        struct lb_listener *l = must_open("127.0.0.1:0", mine);
        for (size_t theirs = 1; theirs <= 2; theirs++) {
            struct lb_error err = {""};
            ck_assert_ptr_null(lb_listener_open(lb_listener_address(l), theirs, &err));
            ck_assert_ptr_nonnull(strstr(err.text, lb_listener_address(l)));
            ck_assert_ptr_nonnull(strstr(err.text, "in use"));
        }
        lb_listener_free(l);
    }
}
END_TEST

START_TEST(an_address_of_another_host_is_refused)
{
    struct lb_error err = {""};
    ck_assert_ptr_null(lb_listener_open("192.0.2.1:0", 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "192.0.2.1:0"));
    ck_assert_ptr_null(lb_listener_open("nonsense", 1, &err));
}
END_TEST

START_TEST(an_address_without_host_takes_both_families)
{
    struct lb_listener *l = must_open(":0", 2);
    char text[64];
    const char *port = strrchr(lb_listener_address(l), ':');
    snprintf(text, sizeof text, "127.0.0.1%s", port);
    close(must_connect(text));
    if (lb_listener_address(l)[0] == '[') {
        snprintf(text, sizeof text, "[::1]%s", port);
        close(must_connect(text));
    }
    lb_listener_free(l);
}
END_TEST

START_TEST(an_ipv6_address_is_ipv6_only)
{
    struct lb_error err;
    struct lb_listener *l = lb_listener_open("[::]:0", 1, &err);
    if (!l) /* a host without IPv6 */
        return;
    char text[64];
    snprintf(text, sizeof text, "0.0.0.0%s", strrchr(lb_listener_address(l), ':'));
    struct lb_listener *other = must_open(text, 1);
    lb_listener_free(other);
    lb_listener_free(l);
}
END_TEST

START_TEST(a_unix_path_in_use_is_refused_and_removed_at_the_end)
{
    char text[128];
    snprintf(text, sizeof text, "unix:%s/s", temporary_folder());
    struct lb_listener *l = must_open(text, 2);
    ck_assert_str_eq(lb_listener_address(l), text);
    int client = must_connect(text), second = lb_listener_take(l, 1);
    int got = accept(second, NULL, NULL);
    ck_assert_int_ge(got, 0);
    struct lb_error err = {""};
    ck_assert_ptr_null(lb_listener_open(text, 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "in use"));
    close(got);
    close(client);
    close(second);
    lb_listener_free(l);
    ck_assert_int_eq(access(text + 5, F_OK), -1);
    *strrchr(text, '/') = '\0';
    ck_assert_int_eq(rmdir(text + 5), 0);
}
END_TEST

START_TEST(a_dead_server_s_socket_is_replaced_but_no_other_file)
{
    char text[128];
    snprintf(text, sizeof text, "unix:%s/s", temporary_folder());
    struct lb_address a;
    ck_assert_int_eq(lb_address_parse_listen(text, &a, NULL), 0);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&a.sa, a.len), 0);
    close(dead);
    lb_listener_free(must_open(text, 1));

    int file = open(text + 5, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_ptr_null(lb_listener_open(text, 1, NULL));
    ck_assert_int_eq(unlink(text + 5), 0);
    *strrchr(text, '/') = '\0';
    ck_assert_int_eq(rmdir(text + 5), 0);
}
END_TEST

START_TEST(a_path_taken_over_by_another_socket_is_left_alone)
{
    char text[128];
    snprintf(text, sizeof text, "unix:%s/s", temporary_folder());
    struct lb_listener *first = must_open(text, 1);
    ck_assert_int_eq(unlink(text + 5), 0);
    struct lb_listener *second = must_open(text, 1);
    lb_listener_free(first);
    close(must_connect(text));
    lb_listener_free(second);
    *strrchr(text, '/') = '\0';
    ck_assert_int_eq(rmdir(text + 5), 0);
}
END_TEST

START_TEST(an_inherited_socket_is_adopted_if_it_listens)
{
    struct lb_listener *l = must_open("127.0.0.1:0", 1);
    char text[LB_ADDRESS_TEXT];
    strcpy(text, lb_listener_address(l));
    struct lb_error err = {""};
    struct lb_listener *adopted = lb_listener_adopt(lb_listener_take(l, 0), 2, &err);
    ck_assert_msg(adopted != NULL, "%s", err.text);
    ck_assert_str_eq(lb_listener_address(adopted), text);
    close(must_connect(text));
    lb_listener_free(adopted);
    lb_listener_free(l);

    ck_assert_ptr_null(lb_listener_adopt(socket(AF_INET, SOCK_STREAM, 0), 1, &err));
    ck_assert_ptr_null(lb_listener_adopt(open("/dev/null", O_RDONLY), 1, &err));
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, port_zero_is_replaced_by_the_real_port);
    tcase_add_test(tests, connections_spread_over_the_sockets_of_one_address);
    tcase_add_test(tests, an_address_in_use_is_refused_however_many_sockets_share_it);
    tcase_add_test(tests, an_address_of_another_host_is_refused);
    tcase_add_test(tests, an_address_without_host_takes_both_families);
    tcase_add_test(tests, an_ipv6_address_is_ipv6_only);
    tcase_add_test(tests, a_unix_path_in_use_is_refused_and_removed_at_the_end);
    tcase_add_test(tests, a_dead_server_s_socket_is_replaced_but_no_other_file);
    tcase_add_test(tests, a_path_taken_over_by_another_socket_is_left_alone);
    tcase_add_test(tests, an_inherited_socket_is_adopted_if_it_listens);
}

LB_UNIT_MAIN("listener", fill)
