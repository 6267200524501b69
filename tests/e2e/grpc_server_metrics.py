"""What lbdemo-server counts of gRPC, as /metrics tells it."""
import json
import re
import urllib.request

import lbtest
import grpclib
import grpc

pb, stubs = grpclib.generate_ours()
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
INFO, WATCH = "lbdemo.v1.PodService/GetInfo", "lbdemo.v1.PodService/Watch"


class Metrics(lbtest.Case):
    def start_server(self, *args):
        server = self.server(*args)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.err()))
        return server

    @staticmethod
    def metrics(server):
        """The samples: {"name{labels}": value}."""
        with NO_PROXY.open(f"http://{server.admin}/metrics", timeout=lbtest.DEADLINE_S) as reply:
            lines = reply.read().decode().splitlines()
        return {m[1]: float(m[2]) for m in (re.fullmatch(r"(\S+(?:\{.*\})?) (\S+)", line) for line in lines)
                if m and not m[0].startswith("#")}

    @staticmethod
    def requests(method, code):
        return f'lbdemo_requests_total{{protocol="grpc",method="{method}",code="{code}"}}'

    def wait_for(self, server, expected):
        """Calls are counted when they are over, a moment after their client knows."""
        def there():
            found = self.metrics(server)
            return all(found.get(k) == v for k, v in expected.items())
        try:
            lbtest.wait_until(there, "the metrics")
        except AssertionError:
            found = self.metrics(server)
            self.assertEqual({k: found.get(k) for k in expected}, expected)

    def test_calls_by_method_and_status(self):
        server = self.start_server()
        with grpclib.channel(server.grpc) as channel:
            stub = stubs.PodServiceStub(channel)
            for _ in range(7):
                stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
            for path, message in (("/no/such", b""), ("/" + INFO, b"\xff")):
                with self.assertRaises(grpc.RpcError):
                    channel.unary_unary(path)(message, timeout=lbtest.DEADLINE_S)
            with self.assertRaises(grpc.RpcError):
                list(stub.Watch(pb.WatchRequest(interval_ms=1), timeout=lbtest.DEADLINE_S))
            stream = stub.Watch(pb.WatchRequest(interval_ms=10), timeout=lbtest.DEADLINE_S)
            next(stream)
            self.wait_for(server, {'lbdemo_requests_in_flight{protocol="grpc"}': 1})
            stream.cancel()
            self.wait_for(server, {
                self.requests(INFO, "OK"): 7,
                self.requests(INFO, "INVALID_ARGUMENT"): 1,
                self.requests("unknown", "UNIMPLEMENTED"): 1,
                self.requests(WATCH, "INVALID_ARGUMENT"): 1,
                self.requests(WATCH, "CANCELLED"): 1,
                f'lbdemo_request_duration_seconds_count{{protocol="grpc",method="{INFO}"}}': 8,
                'lbdemo_requests_in_flight{protocol="grpc"}': 0,
            })

    def test_connections_opened_closed_and_refused(self):
        server = self.start_server("--max-connections", "2")
        first, second = lbtest.connect(server.grpc), lbtest.connect(server.grpc)
        with lbtest.connect(server.grpc) as third:
            grpclib.read_until_closed(third)
        found = {name: f'lbdemo_connections_{name}{{protocol="grpc"}}' for name in ("accepted_total", "open")}
        closed = 'lbdemo_connections_closed_total{{protocol="grpc",reason="{}"}}'
        self.wait_for(server, {found["accepted_total"]: 3, found["open"]: 2, closed.format("limit"): 1})
        first.close()
        second.close()
        self.wait_for(server, {found["accepted_total"]: 3, found["open"]: 0, closed.format("unknown"): 2})

    def test_bytes_are_those_of_the_messages(self):
        server = self.start_server("--pod-name", "pod-1")
        with grpclib.channel(server.grpc) as channel:
            call = channel.unary_unary("/api.protobuf.pod/getInfo")
            for _ in range(5):
                self.assertEqual(len(call(b"\xfa\x07\x01x", timeout=lbtest.DEADLINE_S)), 7)
        self.wait_for(server, {'lbdemo_received_bytes_total{protocol="grpc"}': 20,
                               'lbdemo_sent_bytes_total{protocol="grpc"}': 35})

    def test_the_access_log_has_a_line_a_call(self):
        path = self.path("access")
        server = self.start_server("--access-log", path, "--log-format", "json", "--pod-name", "pod-1")
        with grpclib.channel(server.grpc) as channel:
            self.assertEqual(len(channel.unary_unary("/api.protobuf.pod/getInfo")(b"", timeout=lbtest.DEADLINE_S)), 7)
            with self.assertRaises(grpc.RpcError):
                channel.unary_unary('/no/such"\\')(b"", timeout=lbtest.DEADLINE_S)
            stream = stubs.PodServiceStub(channel).Watch(pb.WatchRequest(interval_ms=10), timeout=lbtest.DEADLINE_S)
            next(stream)
            stream.cancel()

            def read():
                with open(path, encoding="ascii") as f:
                    text = f.read()
                return text.splitlines() if text.count("\n") >= 3 else None

            entries = [json.loads(line) for line in lbtest.wait_until(read, "three lines")]
        self.assertEqual([(e["path"], e["status"], e["request_ordinal"]) for e in entries],
                         [("/api.protobuf.pod/getInfo", 0, 1), ('/no/such"\\', 12, 2), ("/" + WATCH, 1, 3)])
        self.assertEqual(entries[0]["sent_bytes"], 7)
        self.assertGreater(entries[2]["sent_bytes"], 7)
        for e in entries:
            self.assertEqual((e["protocol"], e["method"], e["connection_id"]),
                             ("grpc", "POST", entries[0]["connection_id"]))
            self.assertRegex(e["peer"], r"^127\.0\.0\.1:\d+$")

    def test_lines_that_wait_are_written_at_the_stop(self):
        path = self.path("access")
        server = self.start_server("--access-log", path)
        with grpclib.channel(server.grpc) as channel:
            for _ in range(20):
                channel.unary_unary("/api.protobuf.pod/getInfo")(b"", timeout=lbtest.DEADLINE_S)
        self.assertEqual(server.stop(), 0)
        with open(path, encoding="ascii") as f:
            self.assertEqual(f.read().count(' grpc 127.0.0.1:'), 20)


if __name__ == "__main__":
    lbtest.main()
