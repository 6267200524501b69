"""What lbdemo-server lets gRPC clients do: how many connections, how old, how idle, how rude."""
import time

import lbtest
import grpclib
import grpc

pb, stubs = grpclib.generate_ours()


class Limits(lbtest.Case):
    def server(self, *args, **options):
        server = super().server(*args, **options)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.err()))
        return server

    def stub(self, address):
        channel = grpclib.channel(address, ("grpc.initial_reconnect_backoff_ms", 50),
                                  ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50))
        self.addCleanup(channel.close)
        return stubs.PodServiceStub(channel), channel

    @staticmethod
    def info(stub, **options):
        return stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S, **options)

    def test_more_connections_than_allowed_are_closed_until_one_ends(self):
        server = self.server("--max-connections", "2")
        (one, first), (two, _) = self.stub(server.grpc), self.stub(server.grpc)
        self.info(one)
        self.info(two)
        for _ in range(20):
            with lbtest.connect(server.grpc) as s:
                self.assertEqual(grpclib.read_until_closed(s), b"")
        three, _ = self.stub(server.grpc)
        with self.assertRaises(grpc.RpcError) as caught:
            three.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.info(one)
        first.close()
        self.info(three, wait_for_ready=True)

    def test_connections_are_replaced_when_they_are_old_and_no_call_is_lost(self):
        server = self.server("--max-connection-age", "200ms")
        stub, _ = self.stub(server.grpc)
        ids, end = [], time.monotonic() + 2
        while time.monotonic() < end:
            ids.append(self.info(stub).connection_id)
            time.sleep(0.005)
        self.assertEqual(ids, sorted(ids))
        self.assertGreaterEqual(len(set(ids)), 4)

    def test_without_an_age_one_connection_stays(self):
        stub, _ = self.stub(self.server().grpc)
        ids, end = set(), time.monotonic() + 1
        while time.monotonic() < end:
            ids.add(self.info(stub).connection_id)
            time.sleep(0.02)
        self.assertEqual(len(ids), 1)

    def test_streams_end_with_the_grace_of_an_old_connection(self):
        server = self.server("--max-connection-age", "200ms", "--max-connection-age-grace", "300ms")
        stub, _ = self.stub(server.grpc)
        start = time.monotonic()
        with self.assertRaises(grpc.RpcError) as caught:
            for _ in stub.Watch(pb.WatchRequest(interval_ms=10), timeout=lbtest.DEADLINE_S):
                pass
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertGreaterEqual(time.monotonic() - start, 0.4)

    def test_idle_connections_are_closed(self):
        server = self.server("--idle-timeout", "200ms")
        stub, channel = self.stub(server.grpc)
        first = self.info(stub).connection_id
        states = []
        channel.subscribe(states.append)
        lbtest.wait_until(lambda: grpc.ChannelConnectivity.IDLE in states, "the connection's end")
        self.assertGreater(self.info(stub).connection_id, first)
        with lbtest.connect(server.grpc) as silent:
            grpclib.read_until_closed(silent)

    def test_a_flood_of_pings_ends_the_connection(self):
        server = self.server()
        with lbtest.connect(server.grpc) as s:
            s.sendall(grpclib.PREFACE + grpclib.h2_frame(grpclib.SETTINGS)
                      + grpclib.h2_frame(grpclib.PING, b"12345678") * 50)
            self.assertIn(b"too_many_pings", grpclib.read_until_closed(s))
        self.info(self.stub(server.grpc)[0])

    def test_a_flood_of_cancelled_calls_ends_the_connection(self):
        server = self.server()
        calm, _ = self.stub(server.grpc)
        self.info(calm)
        calls = b"".join(grpclib.h2_call(n, "/lbdemo.v1.PodService/GetInfo")
                         + grpclib.h2_frame(grpclib.RST_STREAM, b"\0\0\0\x08", stream=n) for n in range(1, 40001, 2))
        with lbtest.connect(server.grpc) as s:
            s.sendall(grpclib.PREFACE + grpclib.h2_frame(grpclib.SETTINGS))
            try:
                s.sendall(calls)
            except ConnectionError:
                pass
            grpclib.read_until_closed(s)
        lbtest.wait_until(lambda: "cancelled most of its calls: disconnected" in server.err(), "the message")
        self.assertEqual(self.info(calm).request_ordinal, 2)

    def test_the_number_of_connections_must_be_one(self):
        self.assert_refused("lbdemo-server", ["--max-connections", "-1"], 2, "'-1'", "1000000")


if __name__ == "__main__":
    lbtest.main()
