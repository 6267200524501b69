"""lbdemo-http-client over TLS, against servers that are not ours."""
import json
import shutil
import ssl
import time

import lbtest
from grpcpeer import Certificates
from http_backend import Backend, Raw, free_port

CLIENT = "lbdemo-http-client"


class Tls(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        self.certificates = Certificates(self.folder)

    def backend(self, *names, client_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificates.issue("server", *names))
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        backend = Backend("pod-a", tls=context)
        self.addCleanup(backend.close)
        return backend

    def requests(self, *args, env=None):
        _, out, err = self.run_program(CLIENT, "-i", "1ms", "-o", "ndjson", *args, env=env)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertTrue(found, err)
        return [r for r in found if "request" in r]

    def one(self, *args, env=None):
        return self.requests("-n", "1", *args, env=env)[0]

    def test_a_server_with_a_certificate_of_the_ca_is_trusted(self):
        backend = self.backend("localhost")
        ca = ["--cacert", self.certificates.ca]
        self.assertEqual(self.one(*ca, f"https://localhost:{backend.port}/")["backend"], "pod-a")
        self.assertEqual(self.one("--tls", *ca, f"localhost:{backend.port}")["backend"], "pod-a")
        self.assertEqual(self.one(f"https://localhost:{backend.port}",
                                  env={"SSL_CERT_FILE": self.certificates.ca})["backend"], "pod-a")
        self.assertEqual(backend.requests[0]["headers"]["host"], f"localhost:{backend.port}")

    def test_connections_are_kept_and_made_as_without_tls(self):
        backend = self.backend("localhost")
        args = ["--cacert", self.certificates.ca, "-n", "6", f"https://localhost:{backend.port}"]
        self.assertEqual({r["connection"] for r in self.requests("--reuse-connection", "-c", "2", *args)}, {1, 2})
        self.assertEqual([r["connection"] for r in self.requests(*args)], [1, 2, 3, 4, 5, 6])
        found = self.requests("--diagnose", *args[:2], args[-1])
        self.assertEqual({r["outcome"] for r in found}, {"ok"})

    def test_a_certificate_for_another_name_is_refused(self):
        backend = self.backend("pods.test")
        args = ["--cacert", self.certificates.ca, f"https://{backend.address}"]
        self.assertEqual(self.one(*args)["error"],
                         f"connect {backend.address}: TLS: the server's certificate is for another name")
        self.assertEqual(self.one("--server-name", "pods.test", *args)["backend"], "pod-a")

    def test_a_certificate_of_an_unknown_ca_is_refused(self):
        backend = self.backend("localhost")
        other = Certificates(self.path("."))  # overwrites the first one's files, not what the server read
        error = self.one("--cacert", other.ca, f"https://localhost:{backend.port}")["error"]
        self.assertIn(": TLS: certificate verify failed", error)
        self.assertEqual(self.one("--insecure-skip-verify", f"https://{backend.address}")["backend"], "pod-a")

    def test_a_server_may_ask_for_the_clients_certificate(self):
        backend = self.backend("localhost", client_ca=self.certificates.ca)
        args = ["--cacert", self.certificates.ca, f"https://localhost:{backend.port}"]
        self.assertEqual(self.one(*args)["outcome"], "error")
        cert, key = self.certificates.issue("client")
        self.assertEqual(self.one("--cert", cert, "--key", key, *args)["backend"], "pod-a")

    def test_what_is_no_tls_server(self):
        s, port = free_port()
        self.addCleanup(s.close)
        args = ["--cacert", self.certificates.ca]
        self.assertEqual(self.one(*args, f"https://127.0.0.1:{port}")["error"],
                         f"connect 127.0.0.1:{port}: Connection refused")
        plain = Backend("pod-a")
        self.addCleanup(plain.close)
        self.assertIn(": TLS: ", self.one(*args, f"https://{plain.address}")["error"])
        closing = Raw(lambda s: None)
        self.addCleanup(closing.close)
        self.assertIn(f"connect {closing.address}: ", self.one(*args, f"https://{closing.address}")["error"])
        silent = Raw(lambda s: s.recv(4096) and time.sleep(5))
        self.addCleanup(silent.close)
        found = self.one(*args, "--timeout", "200ms", f"https://{silent.address}")
        self.assertEqual((found["outcome"], found["error"]), ("timeout", f"connect {silent.address}: timed out"))

    def test_plaintext_to_a_tls_server_is_an_error(self):
        backend = self.backend("localhost")
        self.assertEqual(self.one(backend.address)["outcome"], "error")

    def test_bad_options_are_one_sentence_and_status_2(self):
        cert, key = self.certificates.issue("client")
        for args, words in [(["--cacert", self.certificates.ca, "h"], ["--cacert", "--tls"]),
                            (["--tls", "http://h"], ["--tls", "http://h"]),
                            (["--tls", "--cacert", self.path("none"), "h"], ["none"]),
                            (["--tls", "--cacert", self.certificates.ca, "--cert", cert, "h"], ["needs its key"]),
                            (["--tls", "--cacert", key, "h"], [key])]:
            self.assert_refused(CLIENT, args, 2, *words)


if __name__ == "__main__":
    lbtest.main()
