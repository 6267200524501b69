"""lbdemo-server's gRPC over TLS: identity, mutual TLS, certificates read again, and what is refused."""
import os
import resource
import shutil
import signal
import ssl
import urllib.error
import urllib.request

import lbtest
import grpclib
import grpc
from grpcpeer import Certificates

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
pb, stubs = grpclib.generate_ours()


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Tls(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        self.certificates = Certificates(self.folder)
        self.cert, self.key = self.certificates.issue("localhost")
        self.channels = []

    def tls_server(self, *args, **options):
        server = self.server("--tls-cert", self.cert, "--tls-key", self.key, *args, **options)
        self.addCleanup(lambda: self.assertEqual(server.stop(), 0, server.err()))
        return server

    def stub(self, address, roots=None, key=None, cert=None):
        credentials = grpc.ssl_channel_credentials(roots or read(self.certificates.ca), key, cert)
        channel = grpc.secure_channel(address, credentials, options=[
            ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.ssl_target_name_override", "localhost")])
        self.addCleanup(channel.close)
        self.channels.append(channel)
        return stubs.PodServiceStub(channel)

    @staticmethod
    def info(stub):
        return stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)

    def assert_unavailable(self, stub):
        with self.assertRaises(grpc.RpcError) as caught:
            self.info(stub)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def served_certificate(self, address):
        return ssl.get_server_certificate(lbtest.split(address))

    def test_connections_ordinals_and_peers_are_told_as_without_tls(self):
        for listen, peer in (("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")):
            server = self.tls_server("--grpc-listen", listen)
            one, other = self.stub(server.grpc), self.stub(server.grpc)
            infos = [self.info(stub) for stub in (one, one, other, one)]
            self.assertEqual([i.request_ordinal for i in infos], [1, 2, 1, 3])
            ids = [i.connection_id for i in infos]
            self.assertEqual((ids[0], ids[0]), (ids[1], ids[3]))
            self.assertNotEqual(ids[0], ids[2])
            self.assertEqual({i.peer_address for i in infos}, {peer})
            self.assertNotEqual(infos[0].peer_port, infos[2].peer_port)
            self.assertGreater(infos[0].peer_port, 0)
            _, call = one.GetInfo.with_call(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S)
            headers = dict(call.initial_metadata())
            self.assertEqual(headers["x-lbdemo-connection"], f"{ids[0]} 4")
            self.assertTrue(headers["x-lbdemo-peer"].endswith(f":{infos[0].peer_port}"))

    def test_plaintext_and_unknown_roots_are_refused(self):
        server = self.tls_server()
        with grpclib.channel(server.grpc) as channel:
            self.assert_unavailable(stubs.PodServiceStub(channel))
        os.mkdir(self.path("stranger"))
        stranger = Certificates(self.path("stranger"))
        self.assert_unavailable(self.stub(server.grpc, roots=read(stranger.ca)))

    def test_with_a_client_ca_only_its_clients_are_served(self):
        server = self.tls_server("--tls-client-ca", self.certificates.ca)
        cert, key = self.certificates.issue("client")
        self.assertEqual(self.info(self.stub(server.grpc, key=read(key), cert=read(cert))).request_ordinal, 1)
        self.assert_unavailable(self.stub(server.grpc))

    def test_certificates_are_read_again_and_a_bad_one_changes_nothing(self):
        server = self.tls_server()
        old = self.served_certificate(server.grpc)
        stub = self.stub(server.grpc)
        first = self.info(stub)
        good = read(self.cert)
        with open(self.cert, "w", encoding="ascii") as f:
            f.write("junk")
        server.signal(signal.SIGHUP)
        lbtest.wait_until(lambda: "the old certificate goes on" in server.err(), "the refusal")
        self.assertEqual(self.served_certificate(server.grpc), old)
        with open(self.cert, "wb") as f:
            f.write(good)
        self.certificates.issue("localhost")
        server.signal(signal.SIGHUP)
        lbtest.wait_until(lambda: self.served_certificate(server.grpc) != old, "the new certificate")
        self.assertEqual(self.info(stub).connection_id, first.connection_id)
        self.assertEqual(self.info(self.stub(server.grpc)).request_ordinal, 1)

    def test_an_address_in_use_or_without_tcp_is_refused(self):
        server = self.tls_server()
        for address, words in ((server.grpc, "in use"), ("unix:" + self.path("s"), "TCP")):
            self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:0", "--admin-listen", "", "--tls-cert",
                                                  self.cert, "--tls-key", self.key, "--grpc-listen", address], 1, words)

    def test_a_listener_that_ran_out_of_descriptors_makes_the_server_not_ready(self):
        server = self.tls_server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        stub = self.stub(server.grpc)
        self.info(stub)
        many = [lbtest.connect(server.grpc) for _ in range(64)]
        lbtest.wait_until(lambda: "accepts no more connections" in server.err(), "the listener's end")
        for s in many:
            s.close()
        self.info(stub)

        def not_ready():
            try:
                with NO_PROXY.open(f"http://{server.admin}/readyz", timeout=lbtest.DEADLINE_S):
                    return False
            except urllib.error.HTTPError as e:
                return e.code == 503
            except OSError:
                return False

        lbtest.wait_until(not_ready, "readiness to be taken back")

    def metric(self, server, sample):
        with NO_PROXY.open(f"http://{server.admin}/metrics", timeout=lbtest.DEADLINE_S) as reply:
            values = dict(line.rsplit(" ", 1) for line in reply.read().decode().splitlines() if line[0] != "#")
        return float(values.get(sample, 0))

    def connections(self, server):
        """How many are open, have been accepted and have ended, by the metrics."""
        closed = 'lbdemo_connections_closed_total{protocol="grpc",reason="unknown"}'
        return (self.metric(server, 'lbdemo_connections_open{protocol="grpc"}'),
                self.metric(server, 'lbdemo_connections_accepted_total{protocol="grpc"}'), self.metric(server, closed))

    def test_connections_are_counted_from_their_first_call_to_their_end(self):
        server = self.tls_server("--grpc-listen", ":0")
        server.grpc = "localhost:" + server.grpc.rsplit(":", 1)[1]
        stubs_ = [self.stub(server.grpc) for _ in range(5)]
        self.served_certificate(server.grpc.replace("localhost", "127.0.0.1"))  # no call
        self.assertEqual(self.connections(server), (0, 0, 0))
        for stub in stubs_ * 3:
            self.info(stub)
        self.assertEqual(self.connections(server), (5, 5, 0))
        for channel in self.channels[:3]:
            channel.close()
        lbtest.wait_until(lambda: self.connections(server) == (2, 5, 3), "three ends")

    def test_beyond_max_connections_each_call_is_exhausted_until_one_ends(self):
        server = self.tls_server("--max-connections", 2)
        one, two, three = (self.stub(server.grpc) for _ in range(3))
        self.info(one)
        self.info(two)
        for _ in range(3):
            with self.assertRaises(grpc.RpcError) as caught:
                self.info(three)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.info(one)
        self.channels[1].close()
        lbtest.wait_until(lambda: self.connections(server)[0] == 1, "the end of one")
        self.assertEqual(self.info(three).request_ordinal, 1)
        self.assertEqual(self.connections(server), (2, 3, 1))

    def test_a_reset_breaks_the_connection(self):
        server = self.tls_server("--allow-faults")
        stub = self.stub(server.grpc)
        first = self.info(stub).connection_id
        with self.assertRaises(grpc.RpcError) as caught:
            stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S, metadata=[("x-lbdemo-fault", "reset")])
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        again = stub.GetInfo(pb.GetInfoRequest(), timeout=lbtest.DEADLINE_S, wait_for_ready=True)
        self.assertGreater(again.connection_id, first)

    def test_a_flood_of_cancelled_calls_ends_the_connection(self):
        server = self.tls_server()
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(lbtest.connect(server.grpc)) as s:
            try:
                s.sendall(grpclib.PREFACE + grpclib.h2_frame(grpclib.SETTINGS) + b"".join(
                    grpclib.h2_call(n, "/lbdemo.v1.PodService/GetInfo")
                    + grpclib.h2_frame(grpclib.RST_STREAM, b"\0\0\0\x08", stream=n) for n in range(1, 40001, 2)))
                grpclib.read_until_closed(s)
            except OSError:
                pass
        lbtest.wait_until(lambda: "cancelled most of its calls: disconnected" in server.err(), "the message")
        self.assertEqual(self.info(self.stub(server.grpc)).request_ordinal, 1)

    def test_threads_that_cannot_be_made_are_one_sentence(self):
        # 64 stacks do not fit. A sanitizer's own memory would not either.
        with open(lbtest.program("lbdemo-server"), "rb") as f:
            if b"__asan_init" in (code := f.read()) or b"__tsan_init" in code:
                self.skipTest("a sanitizer needs more memory than this leaves")
        self.assert_refused("lbdemo-server", ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0",
                                              "--admin-listen", "", "--threads", 64, "--tls-cert", self.cert,
                                              "--tls-key", self.key], 1, "cannot start gRPC thread",
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)))

    def test_streams_end_at_the_stop(self):
        server = self.tls_server()
        stream = self.stub(server.grpc).Watch(pb.WatchRequest(interval_ms=10))
        next(stream)
        self.assertEqual(server.stop(), 0)
        with self.assertRaises(grpc.RpcError) as caught:
            list(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)


if __name__ == "__main__":
    lbtest.main()
