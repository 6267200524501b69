"""contrib/k8s: its scripts parse, every overlay builds, and what it builds keeps the house rules."""
import glob
import json
import os
import re
import shutil
import subprocess
import unittest

import jsonschema
import yaml

import lbtest

K8S = os.path.join(lbtest.SOURCE, "contrib", "k8s")
MAKE_REPORTS = os.path.join(lbtest.BIN, "tests", "report", "make_reports")
OVERLAYS = sorted(os.path.basename(path) for path in glob.glob(os.path.join(K8S, "overlays", "*")))
# No version here is deprecated in Kubernetes 1.30 to 1.35 or in the projects that own the others.
VERSIONS = {
    "v1": {"ConfigMap", "Service", "ServiceAccount"},
    "apps/v1": {"Deployment"},
    "batch/v1": {"Job"},
    "policy/v1": {"PodDisruptionBudget"},
    "networking.k8s.io/v1": {"NetworkPolicy"},
    "gateway.networking.k8s.io/v1": {"Gateway", "HTTPRoute", "GRPCRoute"},
    "networking.istio.io/v1": {"DestinationRule", "VirtualService"},
    "security.istio.io/v1": {"PeerAuthentication"},
    "monitoring.coreos.com/v1": {"PodMonitor"},
    "policy.linkerd.io/v1beta3": {"Server"},
    "policy.linkerd.io/v1alpha1": {"AuthorizationPolicy", "MeshTLSAuthentication"},
}
NAMESPACE = "other"
MONITORING = "monitoring pod-monitor"  # components
IMAGES = {"localhost/lbdemo", "docker.io/envoyproxy/envoy", "docker.io/library/haproxy"}
PROGRAMS = {"lbdemo-server", "lbdemo-http-client", "lbdemo-grpc-client"}


def kubectl():
    """The kubectl of .tools/ (bootstrap fetches it), or one in PATH; None without."""
    private = os.path.join(lbtest.SOURCE, ".tools", "kubectl")
    return private if os.access(private, os.X_OK) else shutil.which("kubectl")


def pods(objects):
    """[(name, its labels, pod specification)] of the workloads."""
    return [(f"{o['kind']} {o['metadata']['name']}", o["spec"]["template"]["metadata"]["labels"],
             o["spec"]["template"]["spec"]) for o in objects if o["kind"] in ("Deployment", "Job")]


def references(value, kind):
    """Names of ConfigMaps that a pod reads: anywhere below `value`."""
    if isinstance(value, list):
        return {name for item in value for name in references(item, kind)}
    if not isinstance(value, dict):
        return set()
    here = {value[key]["name"] for key in kind if isinstance(value.get(key), dict) and "name" in value[key]}
    return here | {name for item in value.values() for name in references(item, kind)}


def seconds(text):
    """A time as the programs read it: 10s, 1500ms, 2m."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]



def patterns(name):
    with open(os.path.join(lbtest.SOURCE, name), encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def as_dockerignore(pattern):
    """A pattern of .gitignore, where only a leading slash ties it to the top."""
    no, pattern = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    pattern = pattern.rstrip("/")
    return no + (pattern[1:] if pattern.startswith("/") else "**/" + pattern)

class Scripts(lbtest.Case):
    def scripts(self):
        found = [*glob.glob(os.path.join(K8S, "*.sh")), os.path.join(lbtest.SOURCE, "tests", "cluster.sh")]
        self.assertGreaterEqual(len(found), 4)
        return found

    def test_they_parse(self):
        for path in self.scripts():
            done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path)

    def test_shellcheck_finds_nothing(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        done = subprocess.run(["shellcheck", *self.scripts()], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_balancers_are_configured_as_in_the_lab(self):
        done = subprocess.run([os.path.join(K8S, "balancers.sh"), "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_balancers_take_their_configuration(self):
        envoy = os.path.join(lbtest.SOURCE, ".tools", "envoy")
        tried = 0
        for argv in ([envoy, "--mode", "validate", "-c", os.path.join(K8S, "overlays", "envoy", "envoy.yaml")],
                     ["haproxy", "-c", "-f", os.path.join(K8S, "overlays", "haproxy", "haproxy.cfg")]):
            with open(argv[-1], encoding="utf-8") as f:
                self.assertNotRegex(f.read(), r"@[A-Z_]+@|port_value: 0", argv[-1])
            if not shutil.which(argv[0]):
                continue
            tried += 1
            done = subprocess.run(argv, env=lbtest.clean_env(POD_NAMESPACE="other"), capture_output=True, text=True,
                                  check=False, timeout=lbtest.DEADLINE_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        if not tried:
            self.skipTest("neither Envoy nor HAProxy is here")

    def test_a_balancer_that_differs_from_the_lab_s_is_found(self):
        for change in ("overlays/envoy/envoy.yaml", "overlays/haproxy/haproxy.cfg", "../../src/lab/templates/envoy.yaml.in",
                       "../../src/lab/templates/haproxy-http.cfg.in"):
            top = os.path.join(self.folder, "tree")
            for folder in ("contrib/k8s", "src/lab/templates"):
                shutil.copytree(os.path.join(lbtest.SOURCE, folder), os.path.join(top, folder), dirs_exist_ok=True)
            path = os.path.join(top, "contrib", "k8s", change)
            os.chmod(path, 0o644)
            with open(path, "a", encoding="utf-8") as f:
                f.write("# another line\n")
            done = subprocess.run([os.path.join(top, "contrib", "k8s", "balancers.sh"), "--check"], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 1, change)
            self.assertIn("another line", done.stdout, change)
            shutil.rmtree(top)

    def test_an_image_is_built_from_sources_alone(self):
        # Also in a tree that was built in: configure refuses it, and make would take its objects.
        if not os.path.exists(os.path.join(lbtest.SOURCE, ".gitignore")):
            self.skipTest("a release has no .gitignore")
        self.assertEqual(patterns(".dockerignore"), [".git", *map(as_dockerignore, patterns(".gitignore"))])

    def test_an_unknown_overlay_is_refused_with_those_there_are(self):
        done = subprocess.run([os.path.join(K8S, "kube.sh"), "render"], env=lbtest.clean_env(OVERLAY="nowhere"),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        for word in ("nowhere", *OVERLAYS):
            self.assertIn(word, done.stderr)


class Expected(lbtest.Case):
    def test_every_overlay_says_what_to_expect(self):
        self.assertGreaterEqual(len(OVERLAYS), 11)
        subprocess.run([MAKE_REPORTS, self.folder, "1"], check=True, stdout=subprocess.DEVNULL)
        for overlay in OVERLAYS:
            folder = os.path.join(K8S, "overlays", overlay)
            with open(os.path.join(folder, "README.md"), encoding="utf-8") as f:
                self.assertIn("## What to expect, and why", f.read(), overlay)
            path = os.path.join(folder, "expected.json")
            with open(path, encoding="utf-8") as f:
                self.assertEqual({e["protocol"] for e in json.load(f)["expected"]}, {"http", "grpc"}, overlay)
            # 2 would be: not understood. What it says of a report from elsewhere does not matter.
            status, out, err = self.run_program("lbdemo-report", "--check", path, self.folder)
            self.assertIn(status, (0, 1, 3), err)
            self.assertRegex(out, "expected", overlay)


def build(overlay, components=None, cache={}):
    """The overlay's objects: as they are, or with components and settings as kube.sh applies them."""
    key = overlay, components
    if key not in cache:
        if not kubectl():
            raise unittest.SkipTest("no kubectl: ./bootstrap --install-deps fetches one where npm is")
        if components is None:
            argv = [kubectl(), "kustomize", os.path.join(K8S, "overlays", overlay)]
        else:
            argv = [os.path.join(K8S, "kube.sh"), "render"]
        env = lbtest.clean_env(KUBECTL=kubectl(), OVERLAY=overlay, COMPONENTS=components or "", NAMESPACE=NAMESPACE)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode or done.stderr:
            raise AssertionError(f"{overlay} with {components}: {done.stderr}")
        cache[key] = [o for o in yaml.safe_load_all(done.stdout) if o]
    return cache[key]


def selects(selector, labels):
    """Whether a label selector (of a NetworkPolicy, a PodDisruptionBudget...) takes these labels."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        e["operator"] == "In" and labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", ()))


class Documents(lbtest.Case):
    """contrib/k8s/README.md in both languages."""

    def test_they_name_every_overlay_and_target(self):
        with open(os.path.join(K8S, "..", "local.mk"), encoding="utf-8") as f:
            targets = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", f.read(), re.MULTILINE).group(1).replace("\\", "").split()
        self.assertIn("kube-verdict", targets)
        for name in ("README.md", "README.zh.md"):
            with open(os.path.join(K8S, name), encoding="utf-8") as f:
                text = f.read()
            self.assertEqual(sorted(re.findall(r"\[([\w-]+)\]\(overlays/\1\)", text)), OVERLAYS, name)
            for target in targets:
                self.assertIn(f"`{target}`", text, name)
            for table, rows in zip(re.findall(r"(?m)^\|---.*\n((?:\|.*\n)+)", text), (9, 9)):
                self.assertEqual(table.count("\n"), rows, name)
            self.assertIn("README.zh.md" if name == "README.md" else "README.md", text)

    def test_the_project_s_own_point_to_them(self):
        for name, target in (("README.md", "contrib/k8s/README.md"), ("README.zh.md", "contrib/k8s/README.zh.md")):
            with open(os.path.join(lbtest.SOURCE, name), encoding="utf-8") as f:
                self.assertIn(f"({target})", f.read())


class Ways(lbtest.Case):
    """What one overlay or component alone has."""

    def test_every_grpc_client_of_proxyless_asks_istio_s_agent(self):
        clients = [(name, pod["containers"][0]) for name, _, pod in pods(build("proxyless"))
                   if pod["containers"][0].get("command") == ["lbdemo-grpc-client"]]
        self.assertEqual({name for name, _ in clients},
                         {"Deployment client-grpc", "Job verdict-grpc", "Job verdict-grpc-probe", "Job fleet"})
        for name, container in clients:
            url = [e["value"] for e in container["env"] if e["name"] == "LBDEMO_URL"]
            self.assertEqual(url, ["xds:///server.$(POD_NAMESPACE).svc.cluster.local:30051"], name)
        for o in build("proxyless"):
            if o["kind"] in ("Deployment", "Job"):
                meta = o["spec"]["template"]["metadata"]
                agent = (meta["labels"].get("sidecar.istio.io/inject"),
                         meta.get("annotations", {}).get("inject.istio.io/templates"))
                wanted = ("true", "grpc-agent") if "grpc" in o["metadata"]["name"] or \
                    o["metadata"]["name"] == "fleet" else (None, None)
                self.assertEqual(agent, wanted, o["metadata"]["name"])

    def test_servers_take_what_the_way_brings_and_nothing_else(self):
        more = {"istio-ambient": {15008}, "linkerd": {4143}}
        for overlay in OVERLAYS:
            [policy] = [o for o in build(overlay) if o["kind"] == "NetworkPolicy"]
            self.assertEqual({p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]},
                             {"http", "grpc"} | more.get(overlay, set()), overlay)

    def test_meshes_have_every_pod(self):
        for overlay, kind, key, value in (("linkerd", "annotations", "linkerd.io/inject", "enabled"),
                                          ("istio-ambient", "labels", "istio.io/dataplane-mode", "ambient")):
            for components in (None, MONITORING):
                for o in build(overlay, components):
                    if o["kind"] in ("Deployment", "Job"):
                        self.assertEqual(o["spec"]["template"]["metadata"][kind].get(key), value, o["metadata"]["name"])

    def test_metrics_are_found_by_annotation_and_by_monitor(self):
        objects = build("envoy", MONITORING)
        [monitor] = [o for o in objects if o["kind"] == "PodMonitor"]
        [policy] = [o for o in objects if o["metadata"]["name"] == "metrics"]
        port = monitor["spec"]["podMetricsEndpoints"][0]["port"]
        for name, labels, pod in pods(objects):
            if not name.startswith("Deployment"):
                continue
            ours = pod["containers"][0]["image"].startswith("localhost/lbdemo")
            [o] = [o for o in objects if f"{o['kind']} {o['metadata']['name']}" == name]
            annotations = o["spec"]["template"]["metadata"].get("annotations", {})
            numbers = [p["containerPort"] for p in pod["containers"][0]["ports"] if p["name"] == port]
            self.assertEqual(numbers, [9090] if ours else [], name)
            self.assertEqual(annotations.get("prometheus.io/port"), "9090" if ours else None, name)
            self.assertEqual(selects(policy["spec"]["podSelector"], labels), ours, name)


def validator(kind, cache={}):
    """The one for "GROUP/VERSION KIND", strict about fields it does not know; None: no such kind."""
    path = os.path.join(lbtest.SOURCE, ".tools", "schemas.json")
    if not os.path.exists(path):
        raise unittest.SkipTest("no schemas: ./bootstrap --install-deps fetches them where go is")
    if not cache:
        with open(path, encoding="utf-8") as f:
            cache.update(json.load(f))
    schema = cache["kinds"].get(kind)
    return schema and jsonschema.Draft7Validator({"definitions": cache["definitions"], "allOf": [schema]})


class Schemas(lbtest.Case):
    """The schemas' own test: what is wrong is found, in kinds of each project."""

    def test_what_is_unknown_missing_or_of_another_type_is_found(self):
        seen = set()
        for overlay in ("istio", "gateway-api", "linkerd", "service"):
            for o in build(overlay, MONITORING):
                kind = f"{o['apiVersion']} {o['kind']}"
                if "spec" not in o or kind in seen:
                    continue
                seen.add(kind)
                check = validator(kind)
                for wrong in ({**o, "extra": 1}, {**o, "spec": {**o["spec"], "notAField": 1}}, {**o, "spec": "text"},
                              {**o, "metadata": {**o["metadata"], "lables": {}}}):
                    self.assertFalse(check.is_valid(wrong), kind)
        self.assertGreaterEqual(len(seen), 14, seen)


class Rules:
    """What holds for the objects of one overlay; below there are classes for each."""
    overlay = ""
    components = None
    objects = ()

    @classmethod
    def setUpClass(cls):
        cls.objects = build(cls.overlay, cls.components)

    def maps(self):
        return {o["metadata"]["name"]: o["data"] for o in self.objects if o["kind"] == "ConfigMap"}

    def test_no_kind_or_version_is_unknown_or_deprecated(self):
        for o in self.objects:
            self.assertIn(o["kind"], VERSIONS.get(o["apiVersion"], ()), o["apiVersion"])

    def test_objects_are_what_their_schemas_say(self):
        for o in self.objects:
            check = validator(f"{o['apiVersion']} {o['kind']}")
            self.assertIsNotNone(check, f"no schema for {o['apiVersion']} {o['kind']}")
            found = [f"{'.'.join(map(str, e.path))}: {e.message}" for e in check.iter_errors(o)]
            self.assertEqual(found, [], f"{o['kind']} {o['metadata']['name']}")

    def test_every_object_is_marked_as_ours_and_only_kube_sh_names_a_namespace(self):
        for o in self.objects:
            self.assertEqual(o["metadata"].get("labels", {}).get("app.kubernetes.io/part-of"), "lbdemo",
                             f"{o['kind']} {o['metadata']['name']}")
            self.assertEqual(o["metadata"].get("namespace"), None if self.components is None else NAMESPACE)

    def test_pods_meet_the_restricted_profile(self):
        for name, _, pod in pods(self.objects):
            context = pod["securityContext"]
            self.assertIs(context["runAsNonRoot"], True, name)
            self.assertGreater(context["runAsUser"], 0, name)
            self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"}, name)
            self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name)
            for container in pod["containers"]:
                self.assertEqual(container["securityContext"],
                                 {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                  "capabilities": {"drop": ["ALL"]}}, name)
                self.assertFalse([p for p in container.get("ports", ()) if "hostPort" in p], name)
            for volume in pod.get("volumes", ()):
                self.assertIn("configMap", volume, name)

    def test_pods_have_an_account_without_token(self):
        accounts = {o["metadata"]["name"]: o for o in self.objects if o["kind"] == "ServiceAccount"}
        for name, _, pod in pods(self.objects):
            self.assertIs(accounts[pod["serviceAccountName"]]["automountServiceAccountToken"], False, name)
            self.assertIs(pod["automountServiceAccountToken"], False, name)

    def test_containers_say_what_they_need_and_when_they_are_ready(self):
        for name, _, pod in pods(self.objects):
            for container in pod["containers"]:
                self.assertEqual(container["resources"]["requests"], {"cpu": "100m", "memory": "100Mi"}, name)
                self.assertIn("memory", container["resources"]["limits"], name)
                if container.get("ports"):
                    self.assertIn("readinessProbe", container, name)

    def test_probes_say_their_time(self):
        # A sidecar put there by hand takes a probe without one to have none.
        for name, _, pod in pods(self.objects):
            for container in pod["containers"]:
                for probe in (container[key] for key in container if key.endswith("Probe")):
                    self.assertGreaterEqual(probe.get("timeoutSeconds", 0), 1, name)

    def servers(self):
        """[(name, labels, pod specification)] of the Deployments of servers; one at least."""
        found = [pod for pod in pods(self.objects) if pod[1]["app.kubernetes.io/component"] == "server"]
        self.assertTrue(found)
        return found

    def test_servers_are_probed(self):
        for name, _, pod in self.servers():
            container = pod["containers"][0]
            self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "http"}, name)
            self.assertEqual(container["startupProbe"]["httpGet"], {"path": "/healthz", "port": "http"}, name)
            [port] = [p["containerPort"] for p in container["ports"] if p["name"] == "grpc"]
            self.assertEqual(container["livenessProbe"]["grpc"], {"port": port}, name)

    def test_servers_say_who_they_are(self):
        for name, _, pod in self.servers():
            fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in pod["containers"][0]["env"]}
            self.assertEqual(fields, {
                "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP",
                "NODE_NAME": "spec.nodeName", "ZONE": "metadata.labels['topology.kubernetes.io/zone']",
                "VERSION": "metadata.labels['app.kubernetes.io/version']"}, name)

    def test_servers_are_spread_and_not_taken_away_all_at_once(self):
        [budget] = [o["spec"] for o in self.objects if o["kind"] == "PodDisruptionBudget"]
        self.assertEqual(budget["maxUnavailable"], 1)
        for name, labels, pod in self.servers():
            self.assertTrue(selects(budget["selector"], labels), name)
            [spread] = pod["topologySpreadConstraints"]
            self.assertTrue(selects(spread["labelSelector"], labels), name)
        for o in self.objects:
            if o["kind"] == "Deployment" and o["metadata"]["name"].startswith("server"):
                self.assertEqual(o["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})

    def test_policies_are_about_servers_and_ports_there_are(self):
        policies = [o for o in self.objects if o["kind"] == "NetworkPolicy"]
        for name, labels, pod in self.servers():
            mine = [o for o in policies if selects(o["spec"]["podSelector"], labels)]
            self.assertIn("server", {o["metadata"]["name"] for o in mine}, name)
            names = {p["name"] for p in pod["containers"][0]["ports"]}
            for port in (p["port"] for o in mine for rule in o["spec"]["ingress"] for p in rule["ports"]):
                self.assertTrue(isinstance(port, int) or port in names, port)

    def test_servers_have_time_to_drain(self):
        maps = self.maps()
        for name, _, pod in self.servers():
            settings = maps[pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]]
            drain = seconds(settings["LBDEMO_DRAIN_DELAY"]) + seconds(settings["LBDEMO_DRAIN_TIMEOUT"])
            self.assertGreater(pod["terminationGracePeriodSeconds"], drain, name)

    def test_configmaps_that_are_read_are_there(self):
        maps = self.maps().keys()
        read = references([o for o in self.objects if o["kind"] in ("Deployment", "Job")], ("configMapRef", "configMap"))
        self.assertTrue(read)
        self.assertEqual(read - maps, set())
        self.assertEqual(maps - read, set(), "a ConfigMap that nothing reads")

    def test_selectors_select_pods_and_ports_exist(self):
        workloads = pods(self.objects)
        for o in self.objects:
            if o["kind"] == "Deployment":
                self.assertLessEqual(o["spec"]["selector"]["matchLabels"].items(),
                                     o["spec"]["template"]["metadata"]["labels"].items())
            if o["kind"] != "Service":
                continue
            chosen = [pod for _, labels, pod in workloads if o["spec"]["selector"].items() <= labels.items()]
            self.assertTrue(chosen, o["metadata"]["name"])
            ports = {p["name"] for pod in chosen for c in pod["containers"] for p in c.get("ports", ())}
            for port in o["spec"]["ports"]:
                self.assertIn(port["targetPort"], ports, o["metadata"]["name"])
                self.assertEqual(port["appProtocol"], port["name"])

    def options(self, program, cache={}):
        if program not in cache:
            _, out, _ = self.run_program(program, "--help")
            cache[program] = set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", out, re.MULTILINE))
        return cache[program]

    def test_settings_are_options_of_the_programs(self):
        maps = self.maps()
        for name, _, pod in pods(self.objects):
            container = pod["containers"][0]
            program = container.get("command", ["lbdemo-server"])[0]
            if program not in PROGRAMS:
                continue
            args = container.get("args", [])
            keys = {key for source in container["envFrom"] for key in maps[source["configMapRef"]["name"]]}
            used = {arg.split("=")[0][2:] for arg in args}
            used |= {key[len("LBDEMO_"):].lower().replace("_", "-") for key in keys if key.startswith("LBDEMO_")}
            self.assertEqual(used - self.options(program), set(), name)
            self.assertEqual(set(re.findall(r"\$\((\w+)\)", " ".join(args))) - keys, set(), name)

    def test_images_are_those_that_kube_sh_can_replace(self):
        for name, _, pod in pods(self.objects):
            image, tag = pod["containers"][0]["image"].rsplit(":", 1)
            self.assertIn(image, IMAGES, name)
            self.assertNotEqual(tag, "latest", name)


for _overlay in OVERLAYS:
    for _components in (None, MONITORING):
        _name = f"Overlay_{_overlay}{'_monitored' if _components else ''}".replace("-", "_")
        globals()[_name] = type(_name, (Rules, lbtest.Case), {"overlay": _overlay, "components": _components})


if __name__ == "__main__":
    lbtest.main()
