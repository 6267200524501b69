"""lbdemo-server over HTTPS: what clients get, certificates read again, and handshakes that fail."""
import os
import shutil
import signal
import socket
import ssl
import struct
import time

import lbtest
from grpcpeer import Certificates
from rawhttp import Client, get

POD = b"server-7c4bfd74d-29c69"


class TlsClient(Client):
    """A raw connection inside TLS."""

    def __init__(self, address, context):
        self.socket = context.wrap_socket(lbtest.connect(address), server_hostname="localhost")
        self.stream = self.socket.makefile("rb")


class Https(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        self.certificates = Certificates(self.folder)
        self.cert, self.key = self.certificates.issue("localhost")

    def https(self, *args):
        return self.server("--tls-cert", self.cert, "--tls-key", self.key, *args)

    def context(self):
        context = ssl.create_default_context(cafile=self.certificates.ca)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def serial(self, server):
        with TlsClient(server.http, self.context()) as c:
            return c.socket.getpeercert()["serialNumber"]

    def test_everything_is_as_without_tls(self):
        server = self.https("--threads", 2)
        with TlsClient(server.http, self.context()) as c:
            self.assertEqual(c.socket.selected_alpn_protocol(), "http/1.1")
            self.assertIn(c.socket.version(), ("TLSv1.2", "TLSv1.3"))
            c.send(get("/pod") + get("/info") + get("/pod", "Content-Length: 3", method="POST") + "abc" + get("/"))
            replies = [c.read() for _ in range(4)]
            self.assertEqual([r.status for r in replies], [200, 200, 405, 200])
            self.assertEqual(replies[0].body, POD)
            self.assertEqual([r.headers["x-lbdemo-connection"].split()[1] for r in replies], ["1", "2", "3", "4"])
            reply = c.ask("GET /pod HTTP/1.1\r\n\r\n")
            self.assertEqual((reply.status, reply.headers["connection"]), (400, "close"))
            self.assertTrue(c.at_end())

    def test_many_requests_and_connections(self):
        server = self.https()
        clients = [TlsClient(server.http, self.context()) for _ in range(30)]
        for _ in range(20):
            for c in clients:
                c.send(get("/pod"))
            for c in clients:
                self.assertEqual(c.read().body, POD)
        for c in clients:
            c.__exit__()

    def test_tls_1_1_and_other_protocols_are_refused(self):
        server = self.https("--header-timeout", "500ms")
        old = self.context()
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError):
            TlsClient(server.http, old)
        h2_only = self.context()
        h2_only.set_alpn_protocols(["h2"])
        with self.assertRaises(ssl.SSLError):
            TlsClient(server.http, h2_only)
        with Client(server.http) as c:
            c.send(get("/pod"))
            self.assertNotIn(POD, c.stream.read())
        with TlsClient(server.http, self.context()) as c:
            self.assertEqual(c.ask(get("/pod")).body, POD)

    def test_a_handshake_that_never_ends_is_cut(self):
        server = self.https("--header-timeout", "300ms")
        for data in (b"", b"\x16\x03\x01\x02"):
            with Client(server.http) as c:
                begun = time.monotonic()
                c.send(data)
                self.assertTrue(c.at_end())
                self.assertGreater(time.monotonic() - begun, 0.25)

    def test_clients_may_have_to_have_a_certificate(self):
        server = self.https("--tls-client-ca", self.certificates.ca)
        good = self.context()
        good.load_cert_chain(*self.certificates.issue("client"))
        with TlsClient(server.http, good) as c:
            self.assertEqual(c.ask(get("/pod")).body, POD)
        os.mkdir(self.path("other"))
        foreign = self.context()
        foreign.load_cert_chain(*Certificates(self.path("other")).issue("client"))
        for context in (self.context(), foreign):
            with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
                with TlsClient(server.http, context) as c:
                    c.ask(get("/pod"))

    def test_a_new_certificate_is_taken_at_sighup_and_open_connections_stay(self):
        server = self.https()
        with TlsClient(server.http, self.context()) as kept:
            kept.ask(get("/pod"))
            before = self.serial(server)
            self.certificates.issue("localhost")
            server.signal(signal.SIGHUP)
            lbtest.wait_until(lambda: self.serial(server) != before, "the new certificate")
            self.assertEqual(kept.ask(get("/pod")).body, POD)

    def test_a_new_certificate_is_noticed(self):
        server = self.https()
        before = self.serial(server)
        self.certificates.issue("localhost")
        lbtest.wait_until(lambda: self.serial(server) != before, "the new certificate")

    def test_an_unusable_certificate_is_not_taken(self):
        server = self.https()
        before = self.serial(server)
        with open(self.cert, "w", encoding="ascii") as f:
            f.write("junk")
        server.signal(signal.SIGHUP)
        lbtest.wait_until(lambda: "the old certificate goes on" in server.err(), "the refusal")
        self.assertEqual(self.serial(server), before)
        _, other_key = self.certificates.issue("other")
        cert, key = self.certificates.issue("localhost")
        os.replace(other_key, key)
        server.signal(signal.SIGHUP)
        lbtest.wait_until(lambda: "does not belong" in server.err(), "the refusal of a foreign key")
        self.assertEqual(self.serial(server), before)

    def test_an_unusable_certificate_at_the_start_is_one_sentence(self):
        common = ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--admin-listen", ""]
        junk = self.path("junk")
        with open(junk, "w", encoding="ascii") as f:
            f.write("junk")
        _, other_key = self.certificates.issue("other")
        for cert, key, words in (("/nowhere", self.key, "'/nowhere'"), (junk, self.key, junk), (self.cert, junk, junk),
                                 (self.cert, other_key, "does not belong")):
            self.assert_refused("lbdemo-server", [*common, "--tls-cert", cert, "--tls-key", key], 1, words)
        self.assert_refused("lbdemo-server", [*common, "--tls-cert", self.cert, "--tls-key", self.key,
                                              "--tls-client-ca", junk], 1, junk)
        self.assert_refused("lbdemo-server", [*common, "--tls-cert", self.cert], 2, "--tls-key")
        self.assert_refused("lbdemo-server", [*common, "--tls-client-ca", self.certificates.ca], 2, "--tls-cert")

    def test_connections_beyond_the_limit_end_before_the_handshake(self):
        server = self.https("--max-connections", 1)
        with TlsClient(server.http, self.context()) as kept:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                TlsClient(server.http, self.context())
            self.assertEqual(kept.ask(get("/pod")).body, POD)

    def test_a_client_that_goes_before_its_response_leaves_nothing(self):
        server = self.https("--threads", 1, "--allow-faults")

        def descriptors():
            return len(os.listdir(f"/proc/{server.pid}/fd"))

        before = descriptors()
        for n in range(60):
            c = TlsClient(server.http, self.context())
            c.send(get(("/pod", "/pod?fault=delay=5ms", "/")[n % 3]))
            if n % 2:
                c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
            c.__exit__()
        lbtest.wait_until(lambda: descriptors() == before, "the connections' ends")

    def test_a_client_may_close_its_half_first(self):
        server = self.https("--allow-faults")
        for path in ("/pod", "/pod?fault=delay=100ms"):
            received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self.context().wrap_bio(received, sent, server_hostname="localhost")
            with lbtest.connect(server.http) as s:
                def until_done(step):
                    """Moves bytes until `step` needs no more of them; sends what it made in any case."""
                    while True:
                        try:
                            return step()
                        except ssl.SSLWantReadError:
                            s.sendall(sent.read())
                            received.write(s.recv(65536))

                until_done(tls.do_handshake)
                tls.write(get(path).encode())
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.unwrap()  # says that this side sends no more, and would wait for the other's word
                self.assertTrue(until_done(lambda: tls.read(65536)).endswith(POD))

    def test_it_stops_gracefully(self):
        server = self.https()
        with TlsClient(server.http, self.context()) as c:
            c.ask(get("/pod"))
            server.signal(signal.SIGTERM)
            lbtest.wait_until(lambda: "stopping" in server.err(), "the stop")
            reply = c.ask(get("/pod"))
            self.assertEqual(reply.status, 200)
            self.assertTrue(c.at_end())
        self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    lbtest.main()
