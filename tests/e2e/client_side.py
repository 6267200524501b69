"""Balancing in the client: the shares are those of its own choice, and a probe ends with them."""
import json
import os
import subprocess

import lbtest
import grpclib  # skips without grpc  # pylint: disable=unused-import
from grpcpeer import NameServer

GRPC, HTTP = "lbdemo-grpc-client", "lbdemo-http-client"
BALANCED = "balanced: over 3 backends (client-side balancing)\n"
REPEATS = 8


def block(out):
    """The verdict, and its lines joined."""
    return " ".join(out.split())


class Case(lbtest.Case):
    def setUp(self):
        super().setUp()
        try:
            self.servers = [lbtest.Server(self.folder, "--http-listen", "127.0.0.1:0", name="server-1")]
            self.addCleanup(self.servers[0].end)
            grpc, http = (self.servers[0].grpc.split(":")[1], self.servers[0].http.split(":")[1])
            for i in (2, 3):
                self.servers.append(lbtest.Server(self.folder, "--http-listen", f"127.0.0.{i}:{http}", "--grpc-listen",
                                                  f"127.0.0.{i}:{grpc}", name=f"server-{i}"))
                self.addCleanup(self.servers[-1].end)
        except AssertionError as e:
            self.skipTest(f"a port is taken on 127.0.0.2 or 127.0.0.3: {e}")
        self.grpc_port, self.http_port = grpc, http
        self.list = "ipv4:" + ",".join(s.grpc for s in self.servers)

    def names(self, **options):
        names = NameServer({"pods.test": [f"127.0.0.{i}" for i in (1, 2, 3)]}, **options)
        self.addCleanup(names.stop)
        return names


class Grpc(Case):
    def test_a_probe_of_round_robin_ends_balanced_every_time(self):
        for target in (self.list, f"dns://{self.names().address}/pods.test:{self.grpc_port}"):
            for i in range(REPEATS):
                status, out, err = self.run_program(GRPC, "--diagnose", "--lb-policy", "round_robin", "--expect-backends",
                                                    "3", "--expect", "balanced", target)
                self.assertEqual((status, err), (0, ""), f"{target} {i}: {out}")
                self.assertIn(BALANCED, out)
                self.assertRegex(block(out), r"shares are of the \d+ requests whose address the client itself chose")

    def test_a_probe_of_pick_first_ends_pinned(self):
        status, out, err = self.run_program(GRPC, "--diagnose", "--lb-policy", "pick_first", "--expect", "pinned",
                                            self.list)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("\npinned: this client stays on one of at least 3 backends (client-side balancing)\n", out)

    def test_the_start_of_channels_is_left_aside_and_said_also_in_a_report(self):
        """A run that is no probe: channels chose among addresses, so it is the client that balances."""
        report = self.path("report.json")
        status, out, err = self.run_program(GRPC, "-n", "90", "-i", "1ms", "--connections", "6", "--lb-policy",
                                            "round_robin", "--report", report, self.list)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn(BALANCED, out)
        self.assertIn("are left out: the channels were just starting and had not reached every address", block(out))
        with open(report, encoding="utf-8") as f:
            segment = json.load(f)["runs"][0]["segments"][0]
        aside = sum(b.get("aside", 0) for b in segment["backends"])
        self.assertGreaterEqual(aside, 6 * 3)  # each channel needs a request an address at least
        self.assertLess(aside, 90)
        self.assertEqual(len({c["channel"] for c in segment["connections"]}), 6)
        status, again, err = self.run_program("lbdemo-report", report)
        self.assertEqual((status, err), (0, ""))
        self.assertIn(f"{aside} are left out", block(again))


class Http(Case):
    def test_a_name_whose_addresses_turn_is_client_side(self):
        names = self.names(turning=True)
        conf = self.path("resolv.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f"nameserver {names.address}\noptions timeout:2\n")
        mount = ["unshare", "--mount"] + ([] if os.getuid() == 0 else ["--map-root-user"])
        bind = f"mount --bind {conf} /etc/resolv.conf"
        if subprocess.run([*mount, "sh", "-c", bind], capture_output=True, check=False).returncode != 0:
            self.skipTest("a resolv.conf of one's own needs a mount namespace")
        argv = [lbtest.program(HTTP), "--diagnose", "--expect-backends", "3", "--output", "json",
                f"http://pods.test:{self.http_port}/"]
        done = subprocess.run([*mount, "sh", "-c", f'{bind} && exec "$@"', "sh", *argv], env=lbtest.clean_env(),
                              capture_output=True, text=True, timeout=lbtest.DEADLINE_S, check=False)
        self.assertEqual(done.stderr, "")
        verdict = json.loads(done.stdout)["verdict"]
        self.assertEqual((verdict["layer"], verdict["outcome"]), ("client-side", "balanced"), verdict["facts"])
        self.assertLess(verdict["requests"], 120)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    lbtest.main()
