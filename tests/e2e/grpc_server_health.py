"""grpc.health.v1 of lbdemo-server: Check, Watch, and the readiness they tell."""
import urllib.request

import lbtest
import grpclib
import grpc

pb, stubs = grpclib.generate_ours("grpc/health/v1/health.proto")
SERVICES = ["api.protobuf.pod", "grpc.health.v1.Health", "lbdemo.v1.PodService"]
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


class Health(lbtest.Case):
    def setUp(self):
        super().setUp()
        self.lbserver = self.server()
        self.addCleanup(lambda: self.assertEqual(self.lbserver.stop(), 0, self.lbserver.err()))
        channel = grpclib.channel(self.lbserver.grpc)
        self.addCleanup(channel.close)
        self.stub = stubs.HealthStub(channel)

    def check(self, service):
        return self.stub.Check(pb.HealthCheckRequest(service=service), timeout=lbtest.DEADLINE_S).status

    def watch(self, service):
        return self.stub.Watch(pb.HealthCheckRequest(service=service), timeout=lbtest.DEADLINE_S)

    def test_the_server_and_every_service_are_serving(self):
        for service in ["", *SERVICES]:
            self.assertEqual(self.check(service), SERVING, service)

    def test_an_unknown_service_is_not_found_and_named(self):
        for service in ("no.such.Service", "lbdemo.v1", "lbdemo.v1.GetInfoRequest", "x" * 60000):
            with self.assertRaises(grpc.RpcError) as caught:
                self.check(service)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
            self.assertIn(service[:200], caught.exception.details())

    def test_watch_tells_the_state_at_once_and_an_unknown_service_stays_unknown(self):
        known, unknown = self.watch("lbdemo.v1.PodService"), self.watch("no.such.Service")
        self.assertEqual(next(known).status, SERVING)
        self.assertEqual(next(unknown).status, SERVICE_UNKNOWN)
        self.lbserver.signal(15)
        with self.assertRaises(grpc.RpcError) as caught:
            next(unknown)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.lbserver.wait(), 0)

    def test_readiness_switched_on_the_admin_listener_is_told(self):
        def switch(ready):
            url = f"http://{self.lbserver.admin}/readyz?ready={ready}"
            with NO_PROXY.open(urllib.request.Request(url, method="POST"), timeout=lbtest.DEADLINE_S):
                pass

        watches = [self.watch("") for _ in range(20)]
        for watch in watches:
            self.assertEqual(next(watch).status, SERVING)
        for ready, status in (("false", NOT_SERVING), ("true", SERVING)):
            switch(ready)
            for watch in watches:
                self.assertEqual(next(watch).status, status)
            self.assertEqual(self.check(""), status)

    def test_a_stop_is_told_before_the_stream_ends(self):
        watches = [self.watch(service) for service in ["", *SERVICES] * 20]
        for watch in watches:
            self.assertEqual(next(watch).status, SERVING)
        self.lbserver.signal(15)
        for watch in watches:
            self.assertEqual(next(watch).status, NOT_SERVING)
            with self.assertRaises(grpc.RpcError) as caught:
                next(watch)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.lbserver.wait(), 0)

    def test_watchers_that_go_do_no_harm(self):
        for _ in range(10):
            watches = [self.watch("") for _ in range(50)]
            for watch in watches:
                next(watch)
            for watch in watches:
                watch.cancel()
        self.assertEqual(self.check(""), SERVING)


if __name__ == "__main__":
    lbtest.main()
