"""The manual: sections, metrics, HTML, and its examples, which are run as they stand."""
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import urllib.request

import grpcpeer
import haproxy
import http_backend
import lablib
import lbtest

SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "OUTPUT", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES",
            "SEE ALSO"]
# A page of a format has no options; what runs until it is told to end tells of signals.
EXPECTED = {"lbdemo.7": ["NAME", "DESCRIPTION", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES", "SEE ALSO"],
            "lbdemo-report.5": ["NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"],
            "lbdemo-report.1": SECTIONS,
            "lbdemo-http-client.1": [*SECTIONS, "SIGNALS"],
            "lbdemo-grpc-client.1": [*SECTIONS, "SIGNALS"],
            "lbdemo-lab.1": [*SECTIONS, "SIGNALS", "FILES"],
            "lbdemo-server.8": [*SECTIONS, "SIGNALS", "FILES"]}


def pages():
    """{"lbdemo.7": its source, ...}"""
    found = {}
    for path in glob.glob(os.path.join(lbtest.SOURCE, "man", "*.[1-8]")):
        with open(path, encoding="utf-8") as f:
            found[os.path.basename(path)] = f.read()
    return found


def section(text, name):
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def examples(text):
    """The command lines in EXAMPLES: .Dl lines, and .Bd blocks with continued lines."""
    found = []
    for line, block in re.findall(r"^\.Dl ([^\n]*)$|^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", section(text, "EXAMPLES"),
                                  re.MULTILINE | re.DOTALL):
        found += [line] if line else block.replace("\\e\n", " ").strip().splitlines()
    return [re.sub(r"\s+", " ", line) for line in found]


class Pages(lbtest.Case):
    def test_every_page_has_its_sections(self):
        self.assertEqual(set(pages()), set(EXPECTED))
        for page, text in pages().items():
            have = re.findall(r"^\.Sh (.*)$", text, re.MULTILINE)
            self.assertEqual([name for name in EXPECTED[page] if name not in have], [], page)
            self.assertEqual((have[0], have[-1], len(have)), ("NAME", "SEE ALSO", len(set(have))), page)

    def test_every_exit_status_is_described(self):
        for page, statuses in (("lbdemo-server.8", "012"), ("lbdemo-lab.1", "012"), ("lbdemo-report.1", "0123"),
                               ("lbdemo-http-client.1", "0123"), ("lbdemo-grpc-client.1", "0123")):
            told = re.findall(r"^\.It (\d)$", section(pages()[page], "EXIT STATUS"), re.MULTILINE)
            self.assertEqual("".join(told), statuses, page)

    def metrics_of(self, address):
        """The families that a listener serves."""
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=lbtest.DEADLINE_S) as reply:
            return set(re.findall(r"^# TYPE (\S+) ", reply.read().decode(), re.MULTILINE))

    def assert_described(self, page, families):
        described = set(re.findall(r"\blbdemo_\w+", pages()[page]))
        self.assertGreater(len(families), 5)
        self.assertEqual({name for name in families if name.startswith("lbdemo_")} ^ described, set(), page)

    def test_every_metric_is_described(self):
        server = self.server()
        self.assert_described("lbdemo-server.8", self.metrics_of(server.admin))
        client = self.start("lbdemo-http-client", "--admin-listen", "127.0.0.1:0", server.http)
        live = lbtest.wait_until(lambda: re.search(r"http://(\S+)/\n", client.err()), "the client's address")[1]
        self.assert_described("lbdemo-http-client.1", self.metrics_of(live))

    def test_html_links_lead_somewhere(self):
        makefile = os.path.join(lbtest.BIN, "Makefile")
        if not shutil.which("mandoc") or not os.path.exists(makefile):
            self.skipTest("needs mandoc and a build tree")
        subprocess.run(["make", "-s", "-C", lbtest.BIN, "html"], check=True, capture_output=True,
                       env=lbtest.clean_env(MAKEFLAGS=""), timeout=lbtest.DEADLINE_S)
        folder = os.path.join(lbtest.BIN, "man", "html")
        self.assertEqual(set(os.listdir(folder)), {f"{page}.html" for page in EXPECTED} | {"index.html"})
        linked = set()
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                linked |= set(re.findall(r'href="([^"#]+)"', f.read()))
        ours = {link for link in linked if not link.startswith("https://manpages.debian.org/")}
        self.assertEqual(ours, {f"{page}.html" for page in EXPECTED})


class Examples(lablib.LabCase):
    """Hosts of the examples stand for servers of the test; all else is run as it is written."""

    def setUp(self):
        super().setUp()
        if not os.environ.get("LBDEMO_INSTALLED"):
            os.environ["PATH"] = f"{lbtest.BIN}:{os.environ['PATH']}"
        self.hosts = {}

    def run_example(self, line, status=0, endless=False):
        """Runs it in the test's folder; (standard output with wrapped lines joined, standard error)."""
        for host, address in self.hosts.items():
            line = line.replace(host, address)
        process = lbtest.Process(self.folder, shlex.split(line), env=self.environment(), cwd=self.folder)
        self.addCleanup(process.end)
        if endless:
            lbtest.wait_until(lambda: "#2: " in process.out(), f"two replies of {line}")
            process.signal(signal.SIGINT)
        self.assertEqual(process.wait(3 * lbtest.DEADLINE_S), status, f"{line}: {process.out()}{process.err()}")
        return re.sub(r"\n +", " ", process.out()), process.err()

    def test_of_the_http_client(self):
        if not haproxy.BINARY:
            self.skipTest("HAProxy is not installed")
        servers = [self.server("--pod-version", version, name=f"server-{version}") for version in ("v1", "v2")]
        canary = haproxy.HAProxy(self.folder, [s.http for s in servers], mode="http",
                                 options=["weight 90", "weight 10"])
        self.addCleanup(canary.end)
        whoami = http_backend.Backend(reply=lambda handler: whoami.answer(handler, body='{"hostname": "w-1"}'))
        self.addCleanup(whoami.close)
        lines = examples(pages()["lbdemo-http-client.1"])
        self.assertEqual(len(lines), 4)
        self.hosts = {"http://server": f"http://{canary.address}", "http://whoami": f"http://{whoami.address}"}
        self.run_example(lines[0], endless=True)
        self.assertRegex(self.run_example(lines[1])[0], r"\n(uneven|inconclusive): ")
        self.assertIn("v1", self.run_example(lines[2])[0])
        self.assertIn("#2: w-1\n", self.run_example(lines[3], endless=True)[0])

    def test_of_the_grpc_client(self):
        servers = [self.server(name=f"server-{n}") for n in range(2)]
        # Field 2 is a message whose field 1 is "cart-1".
        cart = grpcpeer.RawPeer(lambda method, request, context: b"\x12\x08\x0a\x06cart-1")
        self.addCleanup(cart.stop)
        lines = examples(pages()["lbdemo-grpc-client.1"])
        self.assertEqual(len(lines), 4)
        self.hosts = {"dns:///server-headless:30051": "ipv4:" + ",".join(s.grpc for s in servers),
                      "server:30051": servers[0].grpc, "cart:8080": cart.address}
        self.run_example(lines[0], endless=True)
        self.run_example(lines[1])
        self.assertIn("(client-side", self.run_example(lines[2])[0])
        self.assertIn("#2: cart-1\n", self.run_example(lines[3], endless=True)[0])

    def test_of_the_server(self):
        lines = examples(pages()["lbdemo-server.8"])
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^\$ .* &$")
        server = lbtest.Process(self.folder, shlex.split(lines[0][2:-2]), cwd=self.folder)
        self.addCleanup(server.end)
        lbtest.wait_until(lambda: os.path.exists(self.path("ports")), "its port file")
        self.assertEqual(server.stop(), 0)

    def test_of_the_concepts(self):
        server = self.server()
        lines = examples(pages()["lbdemo.7"])
        self.assertEqual(len(lines), 3)
        self.hosts = {"http://service:80": f"http://{server.http}", "service:30051": server.grpc}
        for line in lines[:2]:
            self.assertRegex(self.run_example(line.removeprefix("$ "))[0], r"\n(single|inconclusive): ")
        self.assertEqual(lines[2], "$ lbdemo-lab demo")  # as in lbdemo-lab(1)

    def test_of_the_lab(self):
        lines = examples(pages()["lbdemo-lab.1"])
        self.assertEqual(len(lines), 4)
        if not haproxy.BINARY:
            self.skipTest("HAProxy is not installed")
        self.assertIn("pinned to 1 of 3", self.run_example(lines[0].removeprefix("$ "))[0])
        if os.geteuid() != 0 or not lablib.find("nft") or not lablib.find("ip"):
            return  # the lines after # are for root
        self.addCleanup(self.lab, "down")
        for line in lines[1:]:
            self.run_example(line.removeprefix("# "))

    def test_of_the_report(self):
        server = self.server()
        for folder in ("before", "after", "runs"):
            os.makedirs(self.path(folder))
        for folder in ("before", "after"):
            self.run_program("lbdemo-http-client", "-n", 20, "-i", 0, "-q", "--report",
                             self.path(f"{folder}/run.json"), server.http)
        for path in ("service", "istio"):
            self.run_program("lbdemo-http-client", "-n", 20, "-i", 0, "-q", "--label", f"path={path}", "--report",
                             self.path(f"runs/{path}.json"), server.http)
        lines = examples(pages()["lbdemo-report.1"])
        self.assertEqual(len(lines), 4)
        self.run_example(lines[0])
        with open(self.path("night.html"), encoding="utf-8") as f:
            self.assertIn("</html>", f.read())
        self.assertRegex(self.run_example(lines[1])[0], r"(?m)^istio .*\n^service ")
        for line in lines[2:]:
            self.run_example(line)

    def test_of_the_format(self):
        block = re.search(r"^\.Bd -literal\n(.*?)^\.Ed$", section(pages()["lbdemo-report.5"], "EXAMPLES"),
                          re.MULTILINE | re.DOTALL)[1]
        with open(self.path("expected.json"), "w", encoding="utf-8") as f:
            f.write(block)
        server = self.server()
        os.makedirs(self.path("runs"))
        for path in ("service", "istio"):
            self.run_program("lbdemo-grpc-client", "-n", 20, "-i", 0, "-q", "--label", f"path={path}", "--report",
                             self.path(f"runs/{path}.json"), server.grpc)
        out, err = self.run_example("lbdemo-report --check expected.json runs/", status=3)  # too few requests
        self.assertEqual(err, "")
        self.assertRegex(out, r"(?m)^.*L4.*$\n^.*L7.*$")


if __name__ == "__main__":
    lbtest.main()
