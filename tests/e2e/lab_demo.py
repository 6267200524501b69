"""lbdemo-lab demo: the demonstration, line by line, and that it fails when it did not come out."""
import os
import re
import shutil
import signal
import subprocess

import lablib
import lbtest

RUN = re.compile(r"^lbdemo-(http|grpc)-client through (L[47]) \((.*?)\), (.*):$", re.MULTILINE)


def runs(out):
    """{("http", "L4"): its names in order, ...}."""
    found = list(RUN.finditer(out))
    ends = [m.start() for m in found[1:]] + [out.index("\npath ")]
    return {(m[1], m[2]): lablib.names(out[m.end():end]) for m, end in zip(found, ends)}


class Demonstration(lablib.LabCase):
    def assert_demonstrated(self, out):
        """L4: HTTP on all three, gRPC on exactly one; L7: both on all three."""
        seen = runs(out)
        self.assertEqual(set(seen), {(p, l) for p in ("http", "grpc") for l in ("L4", "L7")})
        for (protocol, layer), found in seen.items():
            wanted = 1 if (protocol, layer) == ("grpc", "L4") else 3
            self.assertEqual(len(set(found)), wanted, (protocol, layer))
            self.assertLessEqual(set(found), set(lablib.PODS))

    def rows(self, out):
        table = out[out.index("\npath "):].split("\n\n")[0].strip("\n").splitlines()
        self.assertRegex(table[0], r"^path +HTTP/1.1 \(new connections\) +gRPC \(one channel\)$")
        return table[1:]

    def test_the_table_of_the_demonstration(self):
        logs = self.path("logs")
        status, out, err = self.lab("demo", "--logs", logs)
        self.assertEqual((status, err), (0, ""), out)
        self.assert_demonstrated(out)
        self.assertEqual([len(names) for names in runs(out).values()], [9, 9, 9, 9])
        l4, l7 = self.rows(out)
        self.assertRegex(l4, r"^L4  haproxy tcp +balanced over 3, per connection   pinned to 1 of 3, per connection$")
        tool = "envoy      " if lablib.envoy() else "haproxy http"
        self.assertRegex(l7, rf"^L7  {tool} +balanced over 3, per request +balanced over 3, per request$")
        self.assertEqual("Envoy is not installed here" in out, not lablib.envoy())
        self.assertIn(f"Logs and reports: {os.path.realpath(logs)}", out)
        self.assertIn(f"{lablib.PODS[2]}.log", os.listdir(logs))
        page = re.search(r"^The runs as a page: (.*)$", out, re.MULTILINE)[1]
        with open(page, encoding="utf-8") as f:
            self.assertIn(lablib.PODS[1], f.read())
        status, matrix, err = self.run_program("lbdemo-report", "--matrix", logs)
        self.assertEqual(err, "")
        self.assertRegex(matrix, r"L4 +balanced over 3, per connection +pinned to 1 of 3, per connection")
        self.assertRegex(matrix, r"L7 +balanced over 3, per request +balanced over 3, per request")

    def test_without_envoy_haproxy_stands_for_it(self):
        if os.environ.get("LBDEMO_INSTALLED"):
            self.skipTest("the installed programs are tested as they are")
        folder = self.path("bin")
        os.mkdir(folder)
        for name in ("lab", "server", "http-client", "grpc-client", "report"):
            shutil.copy(lbtest.program(f"lbdemo-{name}"), folder)
        done = subprocess.run([os.path.join(folder, "lbdemo-lab"), "demo"], capture_output=True, text=True,
                              env=lbtest.clean_env(LBDEMO_STATE=self.state, PATH="/usr/bin:/bin"), check=False,
                              timeout=lbtest.DEADLINE_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("Envoy is not installed here: HAProxy stands for it", done.stdout)
        self.assert_demonstrated(done.stdout)
        self.assertRegex(self.rows(done.stdout)[1], r"^L7  haproxy http balanced over 3, per request")

    def test_through_nginx_and_haproxy(self):
        status, out, err = self.lab("demo", "--l4", "nginx", "--l7", "haproxy")
        self.assertEqual((status, err), (0, ""), out)
        self.assert_demonstrated(out)
        self.assertTrue(self.rows(out)[0].startswith("L4  nginx stream balanced over 3"))

    def test_a_random_choice_gets_enough_requests_to_show_all(self):
        status, out, err = self.lab("demo", "--l4", "haproxy-tcp-random", "--l7", "haproxy-http-random")
        self.assertEqual((status, err), (0, ""), out)
        self.assert_demonstrated(out)
        # 3 (2/3)^37 is the first below a millionth; one channel through L4 shows one however many.
        self.assertEqual({run: len(names) for run, names in runs(out).items()},
                         {("http", "L4"): 37, ("grpc", "L4"): 9, ("http", "L7"): 37, ("grpc", "L7"): 37})

    def test_it_fails_when_a_balancer_does_not_balance(self):
        env = self.fake("haproxy", f"""sed -i 's/balance .*/balance first/' "$3"; exec {lablib.find("haproxy")} "$@" """)
        status, out, err = self.lab("demo", "--l7", "haproxy", env=env)
        self.assertEqual(status, 1)
        self.assertIn("pinned to 1 of 3", self.rows(out)[0])
        self.assertIn("lbdemo-lab: HTTP through L4 (haproxy-tcp-roundrobin) was to reach 3 of 3 servers", err)
        self.assertIn("lbdemo-lab: gRPC through L7 (haproxy-http-roundrobin) was to reach 3 of 3 servers", err)
        self.assertNotIn("gRPC through L4 (haproxy-tcp-roundrobin) was to reach", err)

    def test_ctrl_c_leaves_nothing(self):
        lab = self.start("lbdemo-lab", "demo", "--l7", "haproxy", env=self.environment())
        lbtest.wait_until(lambda: "#2: " in lab.out(), "the first requests")
        started = lablib.descendants(lab.pid)
        self.assertEqual(lab.stop(signal.SIGINT), 1)
        self.assertIn("interrupted by SIGINT", lab.err())
        self.assert_gone(started)

    def test_output_into_a_closed_pipe_leaves_nothing(self):
        lab = subprocess.Popen([lbtest.program("lbdemo-lab"), "demo", "--l7", "haproxy"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=lbtest.clean_env(**self.environment()))
        self.addCleanup(lab.kill)
        while not (line := lab.stdout.readline()).startswith(b"#1: "):
            self.assertTrue(line, "it ended before the first request")
        started = lablib.descendants(lab.pid)
        lab.stdout.close()
        self.assertNotEqual(lab.wait(lbtest.DEADLINE_S), 0)
        self.assert_gone(started)


if __name__ == "__main__":
    lablib.need("haproxy", "nginx")
    lbtest.main()
