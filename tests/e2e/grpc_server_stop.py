"""How lbdemo-server stops while gRPC clients are at work: delay, drain, turnover by age, time limit."""
import threading
import time

import haproxy
import lbtest
import grpclib
import grpc

pb, stubs = grpclib.generate_ours()
health_pb, health_stubs = grpclib.generate_ours("grpc/health/v1/health.proto", "health")
LOST = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class Load:
    """Calls GetInfo over one channel from a few threads until it is stopped. As in every client, a call that a GOAWAY
    meets before it is sent goes out again; any other that fails is an error."""

    def __init__(self, channel, threads=4, pause=0.002):
        self.names, self.errors = [], []
        self._channel, self._pause, self._stop = channel, pause, threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]
        for thread in self._threads:
            thread.start()
        lbtest.wait_until(lambda: len(self.names) > 50, "the first calls")

    def _work(self):
        stub = stubs.PodServiceStub(self._channel)
        while not self._stop.is_set():
            try:
                self.names.append(stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S).name)
            except grpc.RpcError as e:
                self.errors.append(e)
            time.sleep(self._pause)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Stop(lbtest.Case):
    def server(self, *args, **options):
        server = super().server(*args, **options)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.err()))
        return server

    def channel(self, address, *options):
        channel = grpclib.channel(address, *options)
        self.addCleanup(channel.close)
        return channel

    def load(self, channel, **options):
        load = Load(channel, **options)
        self.addCleanup(load.stop)
        return load

    def test_during_the_delay_all_is_served_but_health_says_no(self):
        server = self.server("--drain-delay", "1s")
        health = health_stubs.HealthStub(self.channel(server.grpc))
        server.signal(15)
        lbtest.wait_until(lambda: health.Check(health_pb.HealthCheckRequest(), timeout=5).status == 2, "NOT_SERVING")
        with grpclib.channel(server.grpc) as fresh:
            self.assertTrue(stubs.PodServiceStub(fresh).GetInfo(pb.GetInfoRequest(), timeout=5).name)
        self.assertIsNone(server.popen.poll())
        self.assertEqual(server.wait(), 0)

    def test_open_connections_are_served_after_the_listener_is_closed(self):
        server = self.server()
        load = self.load(self.channel(server.grpc))
        server.signal(15)

        def refused():
            try:
                lbtest.connect(server.grpc).close()
            except ConnectionRefusedError:
                return True
            return False

        lbtest.wait_until(refused, "the listener to close")
        count = len(load.names)
        lbtest.wait_until(lambda: len(load.names) > count + 200, "calls after that")
        self.assertEqual(load.errors, [])
        load.stop()
        self.assertEqual(server.wait(), 0)
        self.assertEqual(load.errors, [])

    def test_with_a_maximum_age_no_call_is_lost(self):
        options = ("--max-connection-age", "400ms", "--drain-timeout", "5s")
        first, second = self.server(*options, name="first"), self.server(*options, name="second")
        channel = self.channel(f"ipv4:{first.grpc},{second.grpc}", ("grpc.lb_policy_name", "round_robin"),
                               ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200))
        load = self.load(channel)
        lbtest.wait_until(lambda: {"first", "second"} <= set(load.names), "both servers")
        first.signal(15)
        start = time.monotonic()
        self.assertEqual(first.wait(), 0)
        self.assertLess(time.monotonic() - start, 5)
        count = len(load.names)
        lbtest.wait_until(lambda: len(load.names) > count + 100, "calls to the other server")
        load.stop()
        self.assertEqual([(e.code(), e.details()) for e in load.errors], [])
        self.assertEqual(set(load.names[-50:]), {"second"})

    def test_idle_connections_and_streams_do_not_hold_it_up(self):
        server = self.server("--drain-timeout", "20s")
        idle, busy = self.channel(server.grpc), self.channel(server.grpc)
        stubs.PodServiceStub(idle).GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        stream = stubs.PodServiceStub(busy).Watch(pb.WatchRequest(interval_ms=10))
        next(stream)
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 8)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_balancers_checks_do_not_hold_it_up(self):
        server = self.server("--drain-timeout", "20s")
        health = health_stubs.HealthStub(self.channel(server.grpc))
        ended = threading.Event()

        def check():
            while not ended.wait(0.05):
                try:
                    health.Check(health_pb.HealthCheckRequest(), timeout=1)
                except grpc.RpcError:
                    pass

        checker = threading.Thread(target=check)
        checker.start()
        self.addCleanup(checker.join)
        self.addCleanup(ended.set)
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 8)

    def test_calls_that_never_cease_are_cut_at_the_time_limit(self):
        server = self.server("--drain-timeout", "2s")
        channel = self.channel(server.grpc)
        stream = stubs.PodServiceStub(channel).Watch(pb.WatchRequest(interval_ms=10))
        next(stream)
        load = self.load(channel)
        start = time.monotonic()
        server.signal(15)
        self.assertEqual(server.wait(), 0)
        took = time.monotonic() - start
        load.stop()
        self.assertGreater(took, 0.9)
        self.assertLess(took, 8)
        self.assertLessEqual({e.code() for e in load.errors}, LOST)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_a_second_signal_ends_it_at_once(self):
        server = super().server("--drain-delay", "1h")
        server.signal(15)
        lbtest.wait_until(lambda: "stopping" in server.err(), "the first signal's effect")
        server.signal(15)
        self.assertEqual(server.wait(), 1)

    def test_bad_times_are_refused(self):
        for option in ("--drain-delay", "--drain-timeout", "--max-connection-age", "--max-connection-age-grace"):
            self.assert_refused("lbdemo-server", [option, "25h"], 2, "25h", "24h")

    def test_restarts_behind_a_balancer_lose_no_call(self):
        # By age alone: the balancer checks nothing.
        if not haproxy.BINARY:
            self.skipTest("haproxy is not installed")
        paths = [self.path(f"server-{n}") for n in range(3)]

        def start(n):
            return self.server("--grpc-listen", "unix:" + paths[n], "--max-connection-age", "500ms",
                               "--drain-timeout", "4s", name=f"server-{n}")

        servers = [start(n) for n in range(3)]
        balancer = haproxy.HAProxy(self.folder, ["unix@" + path for path in paths],
                                   backend=["option redispatch 1", "retries 5"])
        self.addCleanup(balancer.end)
        channel = self.channel(balancer.address, ("grpc.initial_reconnect_backoff_ms", 50),
                               ("grpc.max_reconnect_backoff_ms", 100))
        load = self.load(channel, pause=0.005)
        for n in range(3):
            self.assertEqual(servers[n].stop(), 0)
            servers[n] = start(n)
        count = len(load.names)
        lbtest.wait_until(lambda: len(load.names) > count + 200, "calls after the restarts")
        load.stop()
        self.assertEqual([(e.code(), e.details()) for e in load.errors], [])
        self.assertEqual(set(load.names), {"server-0", "server-1", "server-2"})


if __name__ == "__main__":
    lbtest.main()
