"""lbdemo-server over gRPC: the contracts, the identity, Watch, and what bad callers get."""
import os
import time
import urllib.request

import lbtest
import grpclib
import grpc

CONTRACT = """syntax = "proto3";
package api.protobuf;
service pod {
  rpc getInfo(request) returns (response) {}
}
message request {}
message response {
  string name = 1;
}
"""
INFO = "/lbdemo.v1.PodService/GetInfo"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
pb, stubs = grpclib.generate_ours()


def code_of(call):
    try:
        call()
    except grpc.RpcError as e:
        return e.code()
    return grpc.StatusCode.OK


class GrpcCase(lbtest.Case):
    """Every server must also end well, with what sanitizers have to say."""

    def server(self, *args, **options):
        server = super().server(*args, **options)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.err()))
        return server

    def channel(self, address, *options):
        channel = grpclib.channel(address, *options)
        self.addCleanup(channel.close)
        return channel

    def stub(self, address, *options):
        return stubs.PodServiceStub(self.channel(address, *options))

    @staticmethod
    def wait_idle(server):
        """Waits until the server serves no call any more, as it counts them itself."""
        def idle():
            with NO_PROXY.open(f"http://{server.admin}/metrics", timeout=lbtest.DEADLINE_S) as reply:
                return b'\nlbdemo_requests_in_flight{protocol="grpc"} 0\n' in reply.read()

        lbtest.wait_until(idle, "the end of all calls")


class Contract(GrpcCase):
    def test_a_client_of_the_demonstrations_own_contract_works(self):
        with open(self.path("demo.proto"), "w", encoding="utf-8") as f:
            f.write(CONTRACT)
        grpclib.generate(self.folder, "demo.proto")
        import demo_pb2  # pylint: disable=import-error,import-outside-toplevel
        import demo_pb2_grpc  # pylint: disable=import-error,import-outside-toplevel
        server = self.server("--pod-name", "server-7c4bfd74d-29c69")
        pod = demo_pb2_grpc.podStub(self.channel(server.grpc))
        for _ in range(9):
            self.assertEqual(pod.getInfo(demo_pb2.request(), timeout=lbtest.DEADLINE_S).name, "server-7c4bfd74d-29c69")

    def test_the_reply_is_the_name_and_nothing_else(self):
        server = self.server("--pod-name", "p-1")
        _, body = grpclib.post(self.folder, server.grpc, "/api.protobuf.pod/getInfo", grpclib.frame(b""))
        self.assertEqual(body, grpclib.frame(b"\x0a\x03p-1"))

    def test_ipv6_and_unix_sockets(self):
        unix = "unix:" + self.path("socket")
        for listen, peer in (("[::1]:0", "::1"), (unix, "unix:"), (":0", "127.0.0.1")):
            server = self.server("--grpc-listen", listen)
            address = server.grpc.replace("[::]", "127.0.0.1") if listen == ":0" else server.grpc
            info = self.stub(address).GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
            self.assertEqual(info.peer_address, peer, listen)
            self.assertEqual(info.peer_port == 0, listen == unix)

    def test_an_address_in_use_is_refused(self):
        server = self.server()
        self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:0", "--grpc-listen", server.grpc], 1,
                            server.grpc, "in use")


class Identity(GrpcCase):
    FACTS = {"--pod-name": "server-1", "--pod-namespace": "team-a", "--pod-ip": "10.1.2.3", "--node": "node-7",
             "--zone": "eu-1b", "--pod-version": "v2"}

    def identity_args(self):
        return [text for pair in self.FACTS.items() for text in pair]

    def test_every_field_of_get_info(self):
        before = time.time()
        server = self.server(*self.identity_args())
        stub = self.stub(server.grpc)
        first = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual([first.name, first.namespace, first.pod_ip, first.node, first.zone, first.version],
                         list(self.FACTS.values()))
        self.assertRegex(first.boot_id, "^[0-9a-f]{16}$")
        self.assertGreaterEqual(first.connection_id, 1)
        self.assertEqual(first.request_ordinal, 1)
        self.assertEqual(first.peer_address, "127.0.0.1")
        self.assertGreater(first.peer_port, 0)
        self.assertEqual(len(first.proxy_headers), 0)
        self.assertGreaterEqual(first.start_time_unix_ms, int(before * 1000) - 1)
        self.assertLessEqual(first.start_time_unix_ms, time.time() * 1000)
        second = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual(second.request_ordinal, 2)
        first.request_ordinal = 2
        self.assertEqual(second, first)

    def test_headers_of_proxies_are_told(self):
        server = self.server()
        sent = [("x-forwarded-for", "192.0.2.1, 10.0.0.1"), ("via", "1.1 a"), ("via", "2 b"),
                ("x-envoy-attempt-count", "1"), ("x-mine", "no"), ("x-request-id", "\u007e" * 2000)]
        info, call = self.stub(server.grpc).GetInfo.with_call(pb.GetInfoRequest(), metadata=sent,
                                                              timeout=lbtest.DEADLINE_S)
        told = [(h.name, h.value) for h in info.proxy_headers]
        self.assertEqual(sorted(told), sorted(sent[:4] + [("x-request-id", "~" * 1024)]))
        names = dict(call.initial_metadata())["x-lbdemo-proxy"].split(",")
        self.assertEqual(sorted(names), ["via", "x-envoy-attempt-count", "x-forwarded-for", "x-request-id"])

    def test_bytes_that_are_no_text_do_not_spoil_the_reply(self):
        server = self.server()
        _, body = grpclib.post(self.folder, server.grpc, INFO, grpclib.frame(b""), "via: caf\u00e9")
        info = pb.GetInfoResponse.FromString(body[5:])
        self.assertRegex(info.proxy_headers[0].value, r"^caf\?+$")

    def test_every_reply_names_the_server_in_its_headers(self):
        server = self.server(*self.identity_args())
        channel = self.channel(server.grpc)
        for path, status in (("/api.protobuf.pod/getInfo", grpc.StatusCode.OK), (INFO, grpc.StatusCode.OK),
                             ("/none/such", grpc.StatusCode.UNIMPLEMENTED)):
            call = channel.unary_unary(path).future(b"", timeout=lbtest.DEADLINE_S)
            self.assertEqual(call.code(), status)
            headers = dict(call.initial_metadata())
            self.assertEqual({k: headers["x-lbdemo-" + k] for k in ("pod", "version", "zone", "node")},
                             {"pod": "server-1", "version": "v2", "zone": "eu-1b", "node": "node-7"})
            self.assertRegex(headers["x-lbdemo-boot-id"], "^[0-9a-f]{16}$")
            self.assertRegex(headers["x-lbdemo-connection"], "^1 [123]$")
            self.assertRegex(headers["x-lbdemo-peer"], r"^127\.0\.0\.1:[0-9]+$")
            self.assertNotIn("x-lbdemo-proxy", headers)

    def test_a_fact_that_metadata_cannot_carry_is_left_out_there_only(self):
        server = self.server("--pod-name", "caf\u00e9", "--zone", "")
        info, call = self.stub(server.grpc).GetInfo.with_call(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual(info.name, "caf\u00e9")
        headers = dict(call.initial_metadata())
        self.assertNotIn("x-lbdemo-pod", headers)
        self.assertNotIn("x-lbdemo-zone", headers)
        self.assertIn("x-lbdemo-boot-id", headers)

    def test_connection_ids_differ_and_ordinals_count_over_all_methods(self):
        server = self.server()
        seen = set()
        for _ in range(20):
            with grpclib.channel(server.grpc) as channel:
                stub = stubs.PodServiceStub(channel)
                one = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
                code_of(lambda: channel.unary_unary("/none/such")(b"", timeout=lbtest.DEADLINE_S))
                other = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
            self.assertEqual((one.request_ordinal, other.request_ordinal), (1, 3))
            self.assertEqual(one.connection_id, other.connection_id)
            seen.add(one.connection_id)
        self.assertEqual(len(seen), 20)

    def test_200_channels_at_once(self):
        server = self.server()
        channels = [self.channel(server.grpc) for _ in range(200)]
        calls = [stubs.PodServiceStub(c).GetInfo.future(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
                 for c in channels]
        infos = [call.result() for call in calls]
        self.assertEqual(len({i.connection_id for i in infos}), 200)
        self.assertEqual(len({i.peer_port for i in infos}), 200)
        self.assertEqual({i.request_ordinal for i in infos}, {1})


class Watch(GrpcCase):
    def test_one_message_at_once_and_one_an_interval(self):
        server = self.server()
        stub = self.stub(server.grpc)
        stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        start = time.monotonic()
        stream = stub.Watch(pb.WatchRequest(interval_ms=50), timeout=lbtest.DEADLINE_S)
        infos = [next(stream) for _ in range(11)]
        took = time.monotonic() - start
        stream.cancel()
        self.assertGreaterEqual(took, 0.49)
        self.assertEqual({(i.name, i.request_ordinal) for i in infos}, {("server-7c4bfd74d-29c69", 2)})

    def test_the_first_message_does_not_wait_and_the_default_is_a_second(self):
        stub = self.stub(self.server().grpc)
        stream = stub.Watch(pb.WatchRequest(interval_ms=3600000), timeout=lbtest.DEADLINE_S)
        next(stream)
        stream.cancel()
        start = time.monotonic()
        stream = stub.Watch(pb.WatchRequest(), timeout=lbtest.DEADLINE_S)
        next(stream)
        next(stream)
        self.assertGreaterEqual(time.monotonic() - start, 0.9)
        stream.cancel()

    def test_intervals_out_of_range_are_refused(self):
        stub = self.stub(self.server().grpc)
        for ms in (1, 9, 3600001, 2**32 - 1):
            with self.assertRaises(grpc.RpcError) as caught:
                list(stub.Watch(pb.WatchRequest(interval_ms=ms), timeout=lbtest.DEADLINE_S))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertEqual(caught.exception.details(), f"interval_ms {ms} is not 0 or from 10 to 3600000")
        for ms in (10, 3600000):
            stream = stub.Watch(pb.WatchRequest(interval_ms=ms), timeout=lbtest.DEADLINE_S)
            self.assertEqual(next(stream).name, "server-7c4bfd74d-29c69")
            stream.cancel()

    def test_a_deadline_ends_it(self):
        server = self.server()
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.stub(server.grpc).Watch(pb.WatchRequest(interval_ms=10), timeout=0.3))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.wait_idle(server)

    def test_many_streams_and_calls_beside_them(self):
        server = self.server()
        stub = self.stub(server.grpc)
        streams = [stub.Watch(pb.WatchRequest(interval_ms=20), timeout=lbtest.DEADLINE_S) for _ in range(300)]
        for _ in range(5):
            self.assertEqual({next(s).name for s in streams}, {"server-7c4bfd74d-29c69"})
            stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        for s in streams:
            s.cancel()
        stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)

    def test_a_client_that_goes_ends_its_streams(self):
        server = self.server()
        for _ in range(20):
            with grpclib.channel(server.grpc) as channel:
                stub = stubs.PodServiceStub(channel)
                for s in [stub.Watch(pb.WatchRequest(interval_ms=10)) for _ in range(20)]:
                    next(s)
        self.wait_idle(server)
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("error", server.err())


class BadCallers(GrpcCase):
    def setUp(self):
        super().setUp()
        self.lbserver = self.server()

    def post(self, path, body, *headers):
        fields, _ = grpclib.post(self.folder, self.lbserver.grpc, path, body, *headers)
        return int(fields.get("grpc-status", -1)), fields.get("grpc-message", "")

    def still_serves(self):
        info = self.stub(self.lbserver.grpc).GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        self.assertEqual(info.name, "server-7c4bfd74d-29c69")

    def test_unknown_methods_are_unimplemented_and_named(self):
        channel = self.channel(self.lbserver.grpc)
        for path in ("/lbdemo.v1.PodService/Nothing", "/x/y", "/" + "n" * 1000):
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary(path)(b"", timeout=lbtest.DEADLINE_S)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
            self.assertIn(path[:200], caught.exception.details())

    def test_payloads_that_are_no_message(self):
        for path in ("/api.protobuf.pod/getInfo", INFO, "/lbdemo.v1.PodService/Watch"):
            for garbage in (b"\xff" * 8, b"\x0a\x05ab", b"\x08"):
                status, text = self.post(path, grpclib.frame(garbage))
                self.assertEqual(status, 3, (path, garbage))  # INVALID_ARGUMENT
                self.assertIn("is not a message of type", text)
        self.still_serves()

    def test_fields_unknown_to_this_version_are_no_error(self):
        self.assertEqual(self.post(INFO, grpclib.frame(b"\xfa\x07\x03new"))[0], 0)

    def test_no_message_at_all(self):
        for path in ("/api.protobuf.pod/getInfo", INFO, "/lbdemo.v1.PodService/Watch"):
            self.assertEqual(self.post(path, b"")[0], 3, path)
        self.still_serves()

    def test_truncated_messages_get_an_error(self):
        for body in (b"\0", b"\0\0\0\0", grpclib.frame(b"abc", length=100), grpclib.frame(b"", length=2**32 - 1)):
            self.assertGreater(self.post(INFO, body)[0], 0, body)
        self.still_serves()

    def test_a_compression_that_is_not_gzip(self):
        for headers in (["grpc-encoding: gzip"], []):
            self.assertNotEqual(self.post(INFO, grpclib.frame(b"not gzip", flags=1), *headers)[0], 0)
        self.still_serves()

    def test_oversized_messages_are_refused(self):
        channel = self.channel(self.lbserver.grpc)
        field = b"\xfa\x07" + bytes([0x80 | 65000 & 0x7f, 0x80 | 65000 >> 7 & 0x7f, 65000 >> 14]) + b"x" * 65000
        call = channel.unary_unary(INFO)
        self.assertEqual(code_of(lambda: call(field, timeout=lbtest.DEADLINE_S)), grpc.StatusCode.OK)
        for size in (65537, 1000000):
            self.assertEqual(code_of(lambda n=size: call(b"x" * n, timeout=lbtest.DEADLINE_S)),
                             grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.still_serves()

    def test_oversized_metadata_is_refused(self):
        stub = self.stub(self.lbserver.grpc)
        self.assertEqual(code_of(lambda: stub.GetInfo(pb.GetInfoRequest(), metadata=[("x-big", "m" * 20000)],
                                                      timeout=lbtest.DEADLINE_S)), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.still_serves()

    def test_a_cancelled_call_leaves_the_connection_usable(self):
        stub = self.stub(self.lbserver.grpc)
        for _ in range(200):
            stub.GetInfo.future(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S).cancel()
        self.assertEqual(stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S).name, "server-7c4bfd74d-29c69")

    def test_a_deadline_in_the_past_does_no_harm(self):
        stub = self.stub(self.lbserver.grpc)
        for _ in range(50):
            code_of(lambda: stub.GetInfo(pb.GetInfoRequest(), timeout=0.0001))
        self.still_serves()

    def test_bytes_that_are_no_http2(self):
        for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64):
            with lbtest.connect(self.lbserver.grpc) as s:
                s.sendall(junk)
                s.shutdown(1)
                try:
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.still_serves()


class Stop(GrpcCase):
    def test_streams_end_with_unavailable_and_the_server_with_0(self):
        server = self.server()
        stub = self.stub(server.grpc)
        stream = stub.Watch(pb.WatchRequest(interval_ms=20))
        next(stream)
        server.signal(15)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(server.wait(), 0)

    def test_streams_cancelled_at_the_moment_of_the_stop(self):
        for _ in range(10):
            server = self.server()
            with grpclib.channel(server.grpc) as channel:
                stub = stubs.PodServiceStub(channel)
                streams = [stub.Watch(pb.WatchRequest(interval_ms=10)) for _ in range(300)]
                for stream in streams:
                    next(stream)
                for stream in streams:
                    stream.cancel()
            self.assertEqual(server.stop(), 0)

    def test_silent_connections_do_not_delay_it(self):
        server = self.server()
        for _ in range(3):
            self.addCleanup(lbtest.connect(server.grpc).close)
        self.stub(server.grpc).GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        start = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)

    def test_a_unix_socket_is_gone_afterwards(self):
        server = self.server("--grpc-listen", "unix:" + self.path("s"))
        self.assertTrue(os.path.exists(self.path("s")))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(self.path("s")))


class Descriptors(GrpcCase):
    def test_accepting_goes_on_after_descriptors_ran_out(self):
        import resource  # pylint: disable=import-outside-toplevel
        server = self.server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        first = self.stub(server.grpc)
        first.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        many = [lbtest.connect(server.grpc) for _ in range(64)]
        lbtest.wait_until(lambda: "cannot accept" in server.err(), "the server to run out of descriptors")
        first.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
        for s in many:
            s.close()
        later = self.stub(server.grpc)
        self.assertEqual(later.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S).name, "server-7c4bfd74d-29c69")
        self.assertEqual(server.err().count("cannot accept"), server.err().count("accepting connections again"))
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    lbtest.main()
