"""lbdemo-server's faults over gRPC: by option, by metadata and by the admin listener."""
import time
import urllib.request

import lbtest
import grpclib
import grpc

pb, stubs = grpclib.generate_ours()
health_pb, health_stubs = grpclib.generate_ours("grpc/health/v1/health.proto", "health")
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Code = grpc.StatusCode


class Faults(lbtest.Case):
    def serve(self, *args):
        server = self.server(*args)
        self.addCleanup(lambda: self.assertEqual(server.wait() if server.popen.poll() is not None else server.stop(),
                                                 0, server.err()))
        channel = grpclib.channel(server.grpc, ("grpc.enable_retries", 0))
        self.addCleanup(channel.close)
        return server, channel

    @staticmethod
    def code(channel, fault=None):
        metadata = [("x-lbdemo-fault", fault)] if fault else None
        try:
            stubs.PodServiceStub(channel).GetInfo(pb.GetInfoRequest(), metadata=metadata, timeout=lbtest.DEADLINE_S)
        except grpc.RpcError as e:
            return e.code()
        return Code.OK

    def metric(self, server, kind):
        with NO_PROXY.open(f"http://{server.admin}/metrics", timeout=lbtest.DEADLINE_S) as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(f'lbdemo_faults_injected_total{{protocol="grpc",kind="{kind}"}}'):
                    return int(line.split()[-1])
        return 0

    def test_a_status_hits_the_pods_methods_but_not_health(self):
        server, channel = self.serve("--fault", "status=503")
        self.assertEqual(self.code(channel), Code.UNAVAILABLE)
        with self.assertRaises(grpc.RpcError) as caught:
            channel.unary_unary("/api.protobuf.pod/getInfo")(b"", timeout=lbtest.DEADLINE_S)
        self.assertEqual(caught.exception.details(), "injected fault")
        with self.assertRaises(grpc.RpcError):
            list(stubs.PodServiceStub(channel).Watch(pb.WatchRequest(), timeout=lbtest.DEADLINE_S))
        self.assertEqual(self.metric(server, "status"), 3)
        check = health_stubs.HealthStub(channel).Check(health_pb.HealthCheckRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual(check.status, 1)

    def test_statuses_are_those_of_the_http_ones(self):
        _, channel = self.serve("--allow-faults")
        for http, code in ((400, Code.INTERNAL), (401, Code.UNAUTHENTICATED), (403, Code.PERMISSION_DENIED),
                           (404, Code.UNIMPLEMENTED), (429, Code.UNAVAILABLE), (500, Code.UNKNOWN),
                           (503, Code.UNAVAILABLE), (504, Code.UNAVAILABLE)):
            self.assertEqual(self.code(channel, f"status={http}"), code, http)
        self.assertEqual(self.code(channel), Code.OK)

    def test_a_share_is_about_that(self):
        server, channel = self.serve("--fault", "status=503:30%")
        failed = sum(self.code(channel) == Code.UNAVAILABLE for _ in range(500))
        self.assertLess(abs(failed - 150), 60)
        self.assertEqual(self.metric(server, "status"), failed)

    def test_delays_do_not_hold_up_the_thread(self):
        server, channel = self.serve("--fault", "delay=400ms", "--threads", "1")
        start = time.monotonic()
        calls = [stubs.PodServiceStub(channel).GetInfo.future(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
                 for _ in range(100)]
        self.assertEqual({c.result().name for c in calls}, {"server-7c4bfd74d-29c69"})
        took = time.monotonic() - start
        self.assertGreaterEqual(took, 0.4)
        self.assertLess(took, 10)
        self.assertEqual(self.metric(server, "delay"), 100)

    def test_a_reset_breaks_the_connection_and_the_next_call_gets_another(self):
        server, channel = self.serve("--allow-faults")
        stub = stubs.PodServiceStub(channel)
        first = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S).connection_id
        self.assertEqual(self.code(channel, "reset"), Code.UNAVAILABLE)
        info = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S, wait_for_ready=True)
        self.assertGreater(info.connection_id, first)
        self.assertEqual(self.metric(server, "reset"), 1)
        with lbtest.connect(server.grpc) as s:
            s.sendall(grpclib.PREFACE + grpclib.h2_frame(grpclib.SETTINGS))
            self.assertTrue(s.recv(1))

    def test_another_backends_fault_does_nothing_here(self):
        _, channel = self.serve("--allow-faults")
        self.assertEqual(self.code(channel, "status=503;name=server-other"), Code.OK)
        self.assertEqual(self.code(channel, "status=503;name=server-7c4bfd74d-29c69"), Code.UNAVAILABLE)

    def test_what_cannot_be_read_is_named(self):
        _, channel = self.serve("--allow-faults")
        self.assertEqual(self.code(channel, "status=99"), Code.INVALID_ARGUMENT)

    def test_callers_may_ask_only_where_that_is_allowed(self):
        _, channel = self.serve()
        self.assertEqual(self.code(channel, "status=503"), Code.OK)

    def test_interoperability_clients_ask_in_their_own_words(self):
        stub = stubs.PodServiceStub(self.serve("--allow-faults")[1])

        def ask(*behaviors, stub=stub):
            metadata = [("rpc-behavior", b) for b in behaviors]
            try:
                stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S, metadata=metadata)
            except grpc.RpcError as e:
                return e.code()
            return Code.OK

        here, there = "hostname=server-7c4bfd74d-29c69 ", "hostname=server-other "
        for behaviors, code in ((["error-code-5"], Code.NOT_FOUND), ([here + "error-code-16"], Code.UNAUTHENTICATED),
                                ([there + "error-code-5"], Code.OK), (["sleep-0", "error-code-9"], Code.FAILED_PRECONDITION),
                                ([there + "error-code-5," + here + "error-code-8"], Code.RESOURCE_EXHAUSTED),
                                (["error-code-17"], Code.INVALID_ARGUMENT), (["sleep-61"], Code.INVALID_ARGUMENT),
                                (["dance"], Code.INVALID_ARGUMENT), (["x" * 600], Code.INVALID_ARGUMENT)):
            self.assertEqual(ask(*behaviors), code, behaviors)
        start = time.monotonic()
        self.assertEqual(ask("sleep-1"), Code.OK)
        self.assertGreaterEqual(time.monotonic() - start, 1)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.GetInfo(pb.GetInfoRequest(), timeout=0.3, metadata=[("rpc-behavior", "keep-open")])
        self.assertEqual(caught.exception.code(), Code.DEADLINE_EXCEEDED)
        self.assertEqual(ask("error-code-5", stub=stubs.PodServiceStub(self.serve()[1])), Code.OK)

    def test_a_stop_does_not_wait_for_delays(self):
        server, channel = self.serve("--fault", "delay=60s", "--drain-timeout", "2s")
        calls = [stubs.PodServiceStub(channel).GetInfo.future(pb.GetInfoRequest()) for _ in range(5)]
        lbtest.wait_until(lambda: self.metric(server, "delay") == 5, "the delays")
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual({c.exception().code() for c in calls}, {Code.UNAVAILABLE})


if __name__ == "__main__":
    lbtest.main()
