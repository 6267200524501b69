"""Three servers behind an L4 balancer: a gRPC channel is pinned to one of them, unless --max-connection-age has the
client connect again; and the verdict says which."""
import json

import haproxy
import lbtest


class ConnectionAge(lbtest.Case):
    def verdict(self, status, seconds, channels, *options):
        """Of calls to servers with these options, of which the client expects three."""
        if not haproxy.BINARY:
            self.skipTest("haproxy is not installed")
        servers = [self.server(*options, "--threads", 1, name=f"server-{n}") for n in range(3)]
        balancer = haproxy.HAProxy(self.folder, [s.grpc for s in servers])
        self.addCleanup(balancer.end)
        found, out, err = self.run_program(
            "lbdemo-grpc-client", "--rate", 200, "--duration", f"{seconds}s", "--connections", channels, "--output",
            "json", "--expect-backends", 3, balancer.address)
        verdict = json.loads(out)["verdict"]
        self.assertEqual(found, status, f"{verdict['headline']} {err}")
        self.assertEqual(verdict["errors"], 0)
        return verdict, {fact["id"]: fact["text"] for fact in verdict["facts"]}

    def test_without_it_one_channel_stays_with_one(self):
        verdict, facts = self.verdict(1, 2, 1)
        self.assertEqual((verdict["outcome"], verdict["seen"], verdict["connections"]), ("pinned", 1, 1))
        self.assertIn("one connection carried all", facts["one-channel"])

    def test_with_it_one_channel_comes_to_all(self):
        # One connection after the other: a balancer that turns by the clock would look the same, so the layer
        # stays open.
        verdict, facts = self.verdict(0, 3, 1, "--max-connection-age", "100ms")
        self.assertEqual((verdict["seen"], verdict["layer"]), (3, "inconclusive"))
        self.assertGreater(verdict["connections"], 10)
        self.assertIn("reached 3 backends, each stayed on one", facts["connections"])

    def test_with_it_several_channels_show_the_layer(self):
        verdict, _ = self.verdict(0, 3, 4, "--max-connection-age", "100ms")
        self.assertEqual((verdict["layer"], verdict["seen"]), ("per-connection", 3))


if __name__ == "__main__":
    lbtest.main()
