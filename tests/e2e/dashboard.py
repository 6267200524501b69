"""contrib/k8s/dashboard.json against what the programs' /metrics have: every metric, every label."""
import json
import os
import re
import urllib.request

import lbtest

DASHBOARD = os.path.join(lbtest.SOURCE, "contrib", "k8s", "dashboard.json")
DISCOVERED = {"namespace", "pod"}  # Prometheus' own, of every target in a cluster


def ask(address):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/metrics", timeout=20) as r:
        return r.read().decode()


def labels_of(text):
    """{metric: its labels} of an exposition."""
    found = {}
    for name, labels in re.findall(r"(?m)^([a-z_]+)(?:\{(.*)\})? \S+$", text):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


class Dashboard(lbtest.Case):
    def metrics(self):
        """{metric: labels} of a server and both clients that are at work."""
        server = self.server()
        found = labels_of(ask(server.admin))
        for program, address in (("lbdemo-http-client", server.http), ("lbdemo-grpc-client", server.grpc)):
            client = self.start(program, "--admin-listen", "127.0.0.1:0", "-i", "10ms", "-n", "100000", address)
            admin = lbtest.wait_until(lambda: re.search(r"live page on http://(\S+)/\n", client.err()), "the address").group(1)
            lbtest.wait_until(lambda: client.out().count("\n") >= 20, "twenty replies")
            for name, labels in labels_of(ask(admin)).items():
                found.setdefault(name, set()).update(labels)
        for name, labels in labels_of(ask(server.admin)).items():
            found.setdefault(name, set()).update(labels)
        return found

    def test_every_query_is_of_metrics_and_labels_there_are(self):
        found = self.metrics()
        with open(DASHBOARD, encoding="utf-8") as f:
            panels = [p for p in json.load(f)["panels"] if "targets" in p]
        self.assertGreaterEqual(len(panels), 8)
        for panel in panels:
            for target in panel["targets"]:
                names = set(re.findall(r"lbdemo_\w+", target["expr"]))
                self.assertTrue(names, panel["title"])
                self.assertEqual(names - found.keys(), set(), panel["title"])
                used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=(?!=))", target["expr"]))
                used |= {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in re.split(r",\s*", by)}
                used |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                for name in names:
                    self.assertEqual(used - found[name] - DISCOVERED, set(), f"{panel['title']}: {name}")


if __name__ == "__main__":
    lbtest.main()
