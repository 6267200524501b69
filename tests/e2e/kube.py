"""contrib/k8s/kube.sh, load.sh and image.sh through their make targets, with a kubectl that only pretends.

tests/cluster.sh does the like on a real cluster.
"""
import os
import re
import shutil
import signal
import subprocess
import sys

import yaml

import lbtest
from k8s import K8S, kubectl

MAKE_REPORTS = os.path.join(lbtest.BIN, "tests", "report", "make_reports")
JOBS = {"verdict-http-new": ("http", "per-connection", "new"), "verdict-http-probe": ("http", "per-connection", "diagnose"),
        "verdict-grpc": ("grpc", "per-connection", "rounds"), "verdict-grpc-probe": ("grpc", "per-connection", "diagnose")}
DIGEST = "sha256:" + "0123456789abcdef" * 4


class Kube(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not kubectl():
            self.skipTest("no kubectl: ./bootstrap --install-deps fetches one where npm is")
        self.bin = os.path.join(self.folder, "bin")
        self.fake = os.path.join(self.folder, "cluster")
        os.makedirs(self.bin)
        os.makedirs(os.path.join(self.fake, "reports"))
        self.tool("kubectl", f'exec "{sys.executable}" "{os.path.join(os.path.dirname(__file__), "fakekubectl.py")}" "$@"')
        self.env = lbtest.clean_env(
            PATH=f"{self.bin}:{os.environ['PATH']}", FAKE=self.fake, FAKE_KUBECTL=kubectl(), TMPDIR=self.folder,
            REPORTS=os.path.join(self.folder, "reports"), TIMEOUT="20")
        for name in ("KUBECTL", "ISTIOCTL", "OVERLAY", "NAMESPACE", "IMAGE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            self.env.pop(name, None)

    def tool(self, name, body='printf "%s\\n" "$(basename "$0") $*" >>"$FAKE/calls"'):
        """Puts a script into PATH; by default one that only notes how it was called."""
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)

    def tell(self, name, pattern):
        with open(os.path.join(self.fake, name), "w", encoding="utf-8") as f:
            f.write(pattern)

    def read(self, name):
        path = os.path.join(self.fake, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as f:
            return f.read()

    def make(self, target, *variables, status=0):
        """Runs the target from the build folder; (standard output, standard error)."""
        done = subprocess.run(["make", "-s", "--no-print-directory", target, *variables], cwd=lbtest.BIN, env=self.env,
                              capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual(done.returncode != 0, status != 0, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def names(self, kind):
        return {line.split(" ")[1].split("/")[1] for line in self.read("objects").splitlines()
                if line.split(" ")[1].startswith(kind + "/")}

    def temporary(self):
        """What is left of temporary folders."""
        return [name for name in os.listdir(self.folder) if name.startswith("tmp.")]

    def test_deploy_makes_a_namespace_and_delete_leaves_nothing(self):
        self.make("kube-deploy", "NAMESPACE=mine", "OVERLAY=envoy")
        self.assertEqual(self.names("namespace"), {"mine"})
        self.assertEqual(self.names("deployment"), {"server", "client-http", "client-grpc", "envoy"})
        self.assertEqual(self.names("job"), set())
        self.make("kube-delete", "NAMESPACE=mine", "OVERLAY=envoy")
        self.assertEqual(self.read("objects"), "")
        self.assertEqual(self.temporary(), [])

    def test_what_is_another_s_stays(self):
        other = "\nmine configmap/theirs a=b\n"
        self.tell("objects", " namespace/mine " + other)
        self.make("kube-deploy", "NAMESPACE=mine")
        self.assertIn("server", self.names("deployment"))
        self.make("kube-delete", "NAMESPACE=mine")
        self.assertEqual(self.read("objects"), " namespace/mine " + other)

    def test_whatever_fails_in_deploy_nothing_is_left(self):
        for step in (r"create -f", r"apply -l", r"rollout status deployment/server", r"get deployments"):
            self.tell("fail", step)
            _, err = self.make("kube-deploy", status=1)
            self.assertRegex(err, step)
            self.assertNotIn("failed too", err)
            self.assertEqual(self.read("objects"), "", step)
            self.assertEqual(self.temporary(), [], step)

    def test_a_wrong_setting_takes_nothing_away(self):
        self.make("kube-deploy")
        before = self.read("objects")
        self.assertIn("names no image", self.make("kube-deploy", "IMAGE=UPPER", status=1)[1])
        self.assertIn("no overlay 'none'", self.make("kube-deploy", "OVERLAY=none", status=1)[1])
        self.assertEqual(self.read("objects"), before)

    def test_there_is_no_verdict_without_servers(self):
        self.assertIn("not found", self.make("kube-verdict", status=1)[1])
        self.assertNotIn(" apply ", self.read("calls"))

    def test_it_says_what_did_not_come_up_and_why(self):
        self.tell("fail", "rollout status deployment/client-grpc")
        _, err = self.make("kube-deploy", status=1)
        for part in ("deployment/client-grpc did not come up", "(the events)", "(the logs of deployment/client-grpc)",
                     "was not ready after 20 s"):
            self.assertIn(part, err)

    def test_gateways_are_waited_for(self):
        self.tell("fail", "wait --for=condition=Programmed")
        _, err = self.make("kube-deploy", "OVERLAY=gateway-api", status=1)
        self.assertIn("gateways.gateway.networking.k8s.io/lbdemo did not come up", err)
        self.assertEqual(self.read("objects"), "")

    def interrupt(self, *argv, at):
        """Starts it, and presses Ctrl-C when it calls kubectl with `at`; its exit status."""
        self.tell("hang", at)
        # A shell that is started with the signal ignored, as in the background, cannot trap it.
        child = subprocess.Popen(argv, cwd=lbtest.BIN, env=self.env, start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(lambda: child.poll() is None and os.killpg(child.pid, signal.SIGKILL))
        lbtest.wait_until(lambda: os.path.exists(os.path.join(self.fake, "hangs")), f"the call {at}")
        os.killpg(child.pid, signal.SIGINT)
        return child.wait(lbtest.DEADLINE_S)

    def test_ctrl_c_leaves_nothing(self):
        status = self.interrupt(os.path.join(K8S, "kube.sh"), "deploy", at="rollout status deployment/server")
        self.assertEqual(status, 130)
        self.assertEqual(self.read("objects"), "")
        self.assertEqual(self.temporary(), [])

    def test_ctrl_c_ends_the_jobs(self):
        self.make("kube-deploy")
        before = self.read("objects")
        self.assertEqual(self.interrupt(os.path.join(K8S, "kube.sh"), "verdict", at="logs verdict-grpc"), 130)
        self.assertEqual(self.read("objects"), before)

    def test_jobs_go_when_a_step_fails(self):
        self.make("kube-deploy")
        before = self.read("objects")
        for target in ("kube-verdict", "kube-fleet"):
            for step in (r"apply -l", r"get jobs", r"logs (verdict|fleet)"):
                self.tell("fail", step)
                self.make(target, status=1)
                self.assertEqual(self.read("objects"), before, step)

    def reports(self, **jobs):
        for name, (protocol, balancer, mode) in {**JOBS, **jobs}.items():
            folder = os.path.join(self.folder, name)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            subprocess.run([MAKE_REPORTS, folder, "1", f"prefix={name}", f"protocol={protocol}", f"balancer={balancer}", f"mode={mode}",
                            "backends=3", "requests=60", "connections=1" if mode == "rounds" else "connections=20"],
                           check=True, stdout=subprocess.DEVNULL)
            [report] = os.listdir(folder)
            shutil.copy(os.path.join(folder, report), os.path.join(self.fake, "reports", f"{name}.json"))

    def test_the_verdict_is_a_table_and_a_status(self):
        self.make("kube-deploy")
        before = self.read("objects")
        self.reports()
        out, _ = self.make("kube-verdict")
        self.assertRegex(out, r"(?m)^HTTP, new connections +balanced over 3, per connection +as expected$")
        self.assertRegex(out, r"(?m)^gRPC, one channel +pinned to 1 of 3, per connection +as expected$")
        self.assertEqual(self.read("objects"), before)
        self.reports(**{name: (protocol, "per-request", mode) for name, (protocol, _, mode) in JOBS.items()})
        out, _ = self.make("kube-verdict", status=1)
        self.assertRegex(out, "expected pinned")

    def rendered(self, **env):
        done = subprocess.run([os.path.join(K8S, "kube.sh"), "render"], env={**self.env, **env}, capture_output=True,
                              text=True, check=False, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [o for o in yaml.safe_load_all(done.stdout) if o]

    def images(self, **env):
        return {c["image"] for o in self.rendered(**env) if o["kind"] in ("Deployment", "Job")
                for c in o["spec"]["template"]["spec"]["containers"]}

    def test_images_have_all_the_names_images_can_have(self):
        for given, image in (("localhost/lbdemo", "localhost/lbdemo:latest"), ("lbdemo:1.0", "lbdemo:1.0"),
                             ("host:5000/a/lbdemo", "host:5000/a/lbdemo:latest"),
                             ("host:5000/a/lbdemo:x", "host:5000/a/lbdemo:x"),
                             (f"host/lbdemo@{DIGEST}", f"host/lbdemo@{DIGEST}")):
            self.assertEqual(self.images(IMAGE=given), {image})
        self.assertEqual(self.images(OVERLAY="haproxy", HAPROXY_IMAGE="host:5000/haproxy"),
                         {"localhost/lbdemo:dev", "host:5000/haproxy:latest"})

    def test_what_is_no_image_is_refused(self):
        for given in ("UPPER", "a b", "a:", ":x", "a@sha256:12"):
            done = subprocess.run([os.path.join(K8S, "kube.sh"), "render"], env={**self.env, "IMAGE": given},
                                  capture_output=True, text=True, check=False, timeout=120)
            self.assertEqual((done.returncode, done.stdout), (1, ""), given)
            self.assertIn(f"'{given}' names no image; allowed are", done.stderr)

    def test_settings_reach_the_objects(self):
        objects = self.rendered(NAMESPACE="n", REPLICAS="7", FLEET="9", PULL_POLICY="Never", REQUESTS="11")
        self.assertEqual({o["metadata"]["namespace"] for o in objects}, {"n"})
        by_name = {f"{o['kind']} {o['metadata']['name']}": o for o in objects}
        self.assertEqual(by_name["Deployment server"]["spec"]["replicas"], 7)
        self.assertEqual(by_name["Job fleet"]["spec"]["completions"], 9)
        self.assertEqual(by_name["Job fleet"]["spec"]["parallelism"], 9)
        self.assertEqual({c["imagePullPolicy"] for o in objects if o["kind"] in ("Deployment", "Job")
                          for c in o["spec"]["template"]["spec"]["containers"]}, {"Never"})
        [settings] = [o["data"] for o in objects if o["kind"] == "ConfigMap" and "WAY" in o["data"]]
        self.assertEqual((settings["LBDEMO_EXPECT_BACKENDS"], settings["REQUESTS"]), ("7", "11"))

    def test_monitoring_takes_no_annotation_away(self):
        for overlay in ("linkerd", "proxyless"):
            def inject(**env):
                return {(o["kind"], o["metadata"]["name"], key) for o in self.rendered(OVERLAY=overlay, **env)
                        if o["kind"] in ("Deployment", "Job")
                        for key in o["spec"]["template"]["metadata"].get("annotations", ()) if "inject" in key}
            self.assertGreaterEqual(len(inject()), 4)
            self.assertEqual(inject(COMPONENTS="monitoring"), inject())

    def test_init_says_what_is_missing(self):
        out, err = self.make("init", "ISTIOCTL=no-istioctl")
        self.assertRegex(out, r"(?m)^kubectl: .*/bin/kubectl$")
        self.assertRegex(out, r"(?m)^no-istioctl: not found$")
        self.assertEqual(err, "")
        _, err = self.make("init", "KUBECTL=no-kubectl", status=1)
        self.assertIn("kubectl is needed", err)
        self.tell("fail", "version")
        self.assertIn("no cluster answers", self.make("init", status=1)[1])

    def test_protoc_makes_what_is_generated(self):
        self.make("protoc")
        made = [name for _, _, names in os.walk(os.path.join(lbtest.BIN, "proto")) for name in names]
        self.assertTrue([name for name in made if name.endswith(".pb-c.c")])

    def test_istio_s_targets_use_the_istioctl_they_are_given(self):
        self.tool("ctl", 'echo "ctl $*" >>"$FAKE/calls"; while [ $# -gt 1 ]; do case $1 in -f) in=$2 ;; -o) out=$2 ;; esac;'
                         ' shift; done; if [ -n "${in-}" ]; then cp "$in" "$out"; fi')
        self.make("istio-inject", "OVERLAY=istio", "ISTIOCTL=ctl")
        self.assertRegex(self.read("calls"), r"(?m)^ctl kube-inject -f \S+ -o \S+$")
        self.assertIn("server", self.names("deployment"))
        self.make("istio-uninstall", "ISTIOCTL=ctl")
        self.assertRegex(self.read("calls"), r"(?m)^ctl uninstall --purge -y$")

    def test_another_kubectl_is_used_if_given(self):
        os.rename(os.path.join(self.bin, "kubectl"), os.path.join(self.bin, "kc"))
        self.make("kube-deploy", "KUBECTL=kc")
        self.assertIn("server", self.names("deployment"))

    def test_the_image_is_built_and_loaded_with_the_engine_that_is_there(self):
        for engine in ("buildah", "podman", "docker"):
            for tool in (engine, "kind", "minikube"):
                self.tool(tool)
            image = "host:5000/lbdemo:t"
            settings = (f"CONTAINER_ENGINE={engine}", f"IMAGE={image}", "BASE_IMAGE=base:1")
            self.make("docker-build", *settings)
            self.make("kind-load", *settings)
            self.make("minikube-load", *settings)
            calls = self.read("calls")
            os.remove(os.path.join(self.fake, "calls"))
            self.assertRegex(calls, rf"(?m)^{engine} (bud|build) .*--build-arg BASE=base:1 .*--tag {image} \.$")
            [archive, _] = re.findall(rf"(?m)^{engine} (?:push|save) .*?(/\S+/image\.tar)", calls)
            self.assertRegex(calls, rf"(?m)^kind load image-archive {archive}$")
            self.assertRegex(calls, r"(?m)^minikube image load \S+/image\.tar$")
            self.assertFalse(os.path.exists(archive))
        self.assertIn("none of buildah, podman, docker", self.make("docker-build", "CONTAINER_ENGINE=x", status=1)[1])
        self.assertIn("none of buildah, podman, docker", self.make("kind-load", "CONTAINER_ENGINE=x", status=1)[1])


if __name__ == "__main__":
    lbtest.main()
