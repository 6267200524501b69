"""The topology made of kube-proxy's rules: as root; nothing of the host's network changes."""
import os
import signal
import subprocess
import sys

import lablib
import lbtest


def host_network():
    """What the lab may not change: links, addresses, routes, rules, named namespaces, forwarding."""
    def run(*args):
        return subprocess.run(args, capture_output=True, text=True, check=True,
                              env=lbtest.clean_env(PATH=os.environ["PATH"] + ":/usr/sbin")).stdout
    with open("/proc/sys/net/ipv4/ip_forward", encoding="utf-8") as f:
        forwarding = f.read()
    return [run("ip", "-br", "link"), run("ip", "-br", "addr"), run("ip", "route"), run("nft", "list", "ruleset"),
            run("ip", "netns"), forwarding]


class Kernel(lablib.LabCase):
    def setUp(self):
        super().setUp()
        before = host_network()
        self.addCleanup(lambda: self.assertEqual(host_network(), before))

    def test_connections_are_balanced_by_nftables_rules(self):
        self.check_rules("kernel", "kernel-nftables", "http://10.96.0.10:80/pod")

    def test_connections_are_balanced_by_iptables_rules(self):
        if not lablib.find("iptables-restore"):
            self.skipTest("iptables is not installed")
        self.check_rules("kernel-iptables", "kernel-iptables", "http://10.96.0.11:80/pod")

    def check_rules(self, name, topology, target):
        self.detached("--l4", name, "--l7", "haproxy")
        path = self.standing()["paths"][0]
        self.assertEqual((path["topology"], path["http"]), (topology, target))
        status, out, err = self.lab("run", "http", "L4", "--count", "50", "--interval", "5ms")
        self.assertEqual(status, 0, err)
        self.assertEqual(set(lablib.names(out)), set(lablib.PODS))
        status, out, err = self.lab("run", "grpc", "L4", "--count", "20", "--interval", "5ms")
        self.assertEqual(status, 0, err)
        self.assertEqual(len(set(lablib.names(out))), 1)
        status, out, err = self.lab("run", "grpc", "L7", "--count", "9", "--interval", "5ms")
        self.assertEqual(status, 0, err)
        self.assertEqual(set(lablib.names(out)), set(lablib.PODS))

    def test_the_demonstration(self):
        status, out, err = self.lab("demo", "--l4", "kernel")
        self.assertEqual((status, err), (0, ""), out)
        # One fair random choice in a hundred looks uneven.
        self.assertRegex(out, r"\nL4  kernel DNAT +(balanced|uneven) over 3, per connection +"
                              r"pinned to 1 of 3, per connection\n")

    def test_killed_it_leaves_nothing(self):
        lab = self.up("--l4", "kernel", "--l7", "haproxy")
        started = lablib.descendants(lab.pid)
        lab.stop(signal.SIGKILL)
        self.assert_gone(started)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    lablib.need("ip", "nft", "haproxy")
    lbtest.main()
