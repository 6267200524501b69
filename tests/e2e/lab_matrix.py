"""lbdemo-lab matrix: no verdict contradicts the truth about any real balancer, and one that does is told."""
import json
import os
import re

import lablib
import lbtest

CELL = re.compile(r"^(\S+) +(HTTP new|HTTP reused|gRPC) +(\S+) +(.+)$", re.MULTILINE)
REPEAT = 2


class Matrix(lablib.LabCase):
    def test_no_word_is_wrong_on_any_balancer(self):
        status, out, err = self.lab("matrix", "--repeat", REPEAT, seconds=300)
        self.assertEqual((status, err), (0, ""), out)
        cells = {(m[1], m[2]): (m[3], m[4]) for m in CELL.finditer(out)}
        skipped = re.findall(r"^(\S+) +skipped: ", out, re.MULTILINE)
        for name in re.findall(r"^([a-z]\S*) +(?:L4|L7) ", self.lab("list")[1], re.MULTILINE):
            if name not in skipped:
                self.assertLessEqual({(name, t) for t in ("HTTP new", "HTTP reused", "gRPC")}, set(cells))
        self.assertIn(("dns-round-robin", "gRPC"), cells)
        self.assertEqual(int(re.search(r"^(\d+) probes, ", out, re.MULTILINE)[1]), REPEAT * len(cells))
        self.assertIn(": 0 wrong layers, 0 wrong outcomes", out)
        # Silence is no success: the plain cases must be told.
        self.assertEqual(cells[("haproxy-tcp-roundrobin", "gRPC")], ("per-connection", f"{REPEAT} per-connection"))
        self.assertEqual(cells[("haproxy-http-roundrobin", "gRPC")], ("per-request", f"{REPEAT} per-request"))
        self.assertEqual(cells[("haproxy-tcp-source", "HTTP reused")], ("sticky", f"{REPEAT} sticky"))
        self.assertEqual(cells[("addresses-round-robin", "gRPC")], ("client-side", f"{REPEAT} client-side"))

    def test_a_wrong_word_is_told_and_its_report_kept(self):
        """HAProxy whose configuration does something else than the table says."""
        env = self.fake("haproxy", f"""sed -i 's/balance .*/balance source/' "$3"; exec {lablib.find("haproxy")} "$@" """)
        logs = self.path("logs")
        status, out, err = self.lab("matrix", "--topology", "haproxy-http-roundrobin", "--logs", logs, env=env)
        self.assertEqual(status, 1, out)
        self.assertIn("haproxy-http-roundrobin, HTTP reused: layer sticky, was to be per-request", err)
        self.assertRegex(out, r"haproxy-http-roundrobin +HTTP reused +per-request +1 sticky WRONG")
        with open(os.path.join(logs, "wrong-1.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["verdict"]["layer"], "sticky")

    def test_a_topology_asked_for_is_not_skipped(self):
        status, out, err = self.lab("matrix", "--topology", "envoy-random", env={"LBDEMO_ENVOY": "/nonexistent"})
        self.assertEqual((status, out), (1, ""))
        self.assertIn("'/nonexistent'", err)


if __name__ == "__main__":
    lablib.need("haproxy", "nginx")
    lbtest.main()
