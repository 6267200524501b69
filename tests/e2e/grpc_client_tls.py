"""lbdemo-grpc-client over TLS, against foreign servers."""
import json
import shutil

import lbtest
from grpcpeer import Certificates, Peer

CLIENT = "lbdemo-grpc-client"


class Tls(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        self.certificates = Certificates(self.folder)

    def peer(self, *names, client_ca=None):
        peer = Peer("pod", credentials=self.certificates.server_credentials(*names, client_ca=client_ca))
        self.addCleanup(peer.stop)
        return peer

    def requests(self, *args, env=None):
        _, out, err = self.run_program(CLIENT, "--output", "ndjson", *args, env=env)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertTrue(found, err)
        return [r for r in found if "request" in r]

    def one(self, *args, env=None):
        return self.requests("-n", "1", *args, env=env)[0]

    def test_a_server_with_a_certificate_of_the_ca_is_trusted(self):
        peer = self.peer("localhost")
        for target in (f"localhost:{peer.port}", f"dns:///localhost:{peer.port}"):
            self.assertEqual(self.one("--tls", "--cacert", self.certificates.ca, target)["backend"], "pod")
        env = {"SSL_CERT_FILE": self.certificates.ca}
        self.assertEqual(self.one("--tls", f"localhost:{peer.port}", env=env)["backend"], "pod")

    def test_connections_are_numbered_as_without_tls(self):
        peer = self.peer("localhost")
        found = self.requests("--tls", "--cacert", self.certificates.ca, "-n", "12", "-i", "0", "-c", "3",
                              f"localhost:{peer.port}")
        self.assertEqual({r["connection"] for r in found}, {1, 2, 3})
        self.assertEqual(len(set(peer.peers)), 3)
        self.assertEqual({r["remote"] for r in found}, {peer.address})

    def test_each_address_of_a_name_is_held_to_the_name(self):
        peer = self.peer("localhost")
        found = self.requests("--diagnose", "--tls", "--cacert", self.certificates.ca, f"localhost:{peer.port}")
        self.assertIn("ok", {r["outcome"] for r in found})
        self.assertNotIn("TLS", " ".join(r.get("error", "") for r in found))

    def test_a_certificate_for_another_name_is_refused(self):
        peer = self.peer("pods.test")
        self.assertEqual(self.one("--tls", "--cacert", self.certificates.ca, peer.address)["error"],
                         f"UNAVAILABLE: connect {peer.address}: TLS: the server's certificate is for another name")
        for more in (["--server-name", "pods.test"], ["--authority", "pods.test"]):
            found = self.one("--tls", "--cacert", self.certificates.ca, *more, peer.address)
            self.assertEqual(found["backend"], "pod", found)

    def test_a_certificate_of_an_unknown_ca_is_refused(self):
        peer = self.peer("localhost")
        other = Certificates(self.path("."))  # overwrites the first one's files, not what the server read
        found = self.one("--tls", "--cacert", other.ca, f"localhost:{peer.port}")
        self.assertTrue(found["error"].endswith(": TLS: certificate verify failed"), found)
        found = self.one("--tls", "--insecure-skip-verify", peer.address)
        self.assertEqual(found["backend"], "pod", found)

    def test_a_server_may_ask_for_the_clients_certificate(self):
        peer = self.peer("localhost", client_ca=self.certificates.ca)
        args = ["--tls", "--cacert", self.certificates.ca, f"localhost:{peer.port}"]
        self.assertEqual(self.one(*args)["outcome"], "error")
        cert, key = self.certificates.issue("client")
        self.assertEqual(self.one("--cert", cert, "--key", key, *args)["backend"], "pod")

    def test_plaintext_to_a_tls_server_is_an_error(self):
        peer = self.peer("localhost")
        self.assertEqual(self.one(peer.address)["outcome"], "error")

    def test_bad_options_are_one_sentence_and_status_2(self):
        cert, key = self.certificates.issue("client")
        other, _ = self.certificates.issue("other")
        none = self.path("none")
        for args, *words in ((["--cacert", cert], "--cacert needs --tls"), (["--server-name", "x"], "needs --tls"),
                             (["--insecure-skip-verify"], "needs --tls"), (["--cert", cert], "--cert needs --tls"),
                             (["--tls", "--cacert", none], none), (["--tls", "--cacert", key], key, "no certificate"),
                             (["--tls", "--cert", cert], cert, "alone"), (["--tls", "--key", key], key, "alone"),
                             (["--tls", "--cert", other, "--key", key], key, other, "does not belong"),
                             (["--tls", "--server-name", ""], "--server-name"),
                             (["--tls", "--cacert", cert, "--insecure-skip-verify"], "exclude")):
            self.assert_refused(CLIENT, [*args, "localhost:1"], 2, *words)


if __name__ == "__main__":
    lbtest.main()
