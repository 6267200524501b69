/* When the sockets of a batch of calls are corked, and that none stays so. */
#include "server/grpc_cork.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static struct lb_grpc_cork cork;

static int tcp_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static bool is_corked(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, &len), 0);
    return on;
}

START_TEST(a_call_that_comes_alone_is_not_held)
{
    int one = tcp_socket(), other = tcp_socket();
    lb_grpc_cork_call(&cork, one);
    lb_grpc_cork_call(&cork, other);
    ck_assert(!cork.held && !is_corked(one) && !is_corked(other));
    lb_grpc_cork_release(&cork);
    lb_grpc_cork_call(&cork, one); /* a batch of its own */
    ck_assert(!cork.held && !is_corked(one));
}
END_TEST

START_TEST(the_second_call_of_a_batch_is_held_until_the_release)
{
    int busy = tcp_socket(), other = tcp_socket();
    lb_grpc_cork_call(&cork, busy);
    lb_grpc_cork_call(&cork, other);
    lb_grpc_cork_call(&cork, busy);
    lb_grpc_cork_call(&cork, busy);
    ck_assert(cork.held && is_corked(busy) && !is_corked(other));
    lb_grpc_cork_release(&cork);
    ck_assert(!cork.held && !is_corked(busy));
}
END_TEST

START_TEST(an_endless_batch_is_released_in_between)
{
    int fd = tcp_socket();
    for (int i = 0; i < LB_GRPC_CORK_CALLS; i++)
        lb_grpc_cork_call(&cork, fd);
    ck_assert(is_corked(fd));
    lb_grpc_cork_call(&cork, fd);
    ck_assert(!cork.held && !is_corked(fd));
    ck_assert_uint_le(cork.calls, LB_GRPC_CORK_CALLS);
}
END_TEST

START_TEST(of_many_connections_some_are_held_and_all_are_released)
{
    enum { SOCKETS = 2 * LB_GRPC_CORK_CONNECTIONS };
    int fds[SOCKETS], corked = 0;
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = tcp_socket();
        lb_grpc_cork_call(&cork, fds[i]);
    }
    for (int i = 0; i < SOCKETS - 1; i++)
        lb_grpc_cork_call(&cork, fds[i]);
    for (int i = 0; i < SOCKETS; i++)
        corked += is_corked(fds[i]);
    ck_assert_int_eq(corked, LB_GRPC_CORK_CONNECTIONS);
    lb_grpc_cork_release(&cork);
    for (int i = 0; i < SOCKETS; i++)
        ck_assert(!is_corked(fds[i]));
}
END_TEST

START_TEST(what_is_no_tcp_socket_is_left_alone)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    for (int i = 0; i < 2; i++) {
        lb_grpc_cork_call(&cork, pair[0]);
        lb_grpc_cork_call(&cork, -1);
    }
    ck_assert(!cork.held);
    lb_grpc_cork_release(&cork);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, a_call_that_comes_alone_is_not_held);
    tcase_add_test(tests, the_second_call_of_a_batch_is_held_until_the_release);
    tcase_add_test(tests, an_endless_batch_is_released_in_between);
    tcase_add_test(tests, of_many_connections_some_are_held_and_all_are_released);
    tcase_add_test(tests, what_is_no_tcp_socket_is_left_alone);
}

LB_UNIT_MAIN("grpc_cork", fill)
