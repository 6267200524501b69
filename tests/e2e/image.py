"""The image: built twice from the same inputs, small, without shell and root, and the programs run from it.

Needs root, buildah and a base: BASE_IMAGE, or one made here with debootstrap. `make check-image` runs it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import lbtest

IMAGE_SH = os.path.join(lbtest.SOURCE, "contrib", "k8s", "image.sh")
PROGRAMS = {"lbdemo-grpc-client", "lbdemo-http-client", "lbdemo-lab", "lbdemo-report", "lbdemo-server"}
CHROOT = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin:/bin")  # where users' PATH may not look
LARGEST_BYTES = 40 * 1000 * 1000
NAME = f"localhost/lbdemo-test:{os.getpid()}"


def run(*argv, **options):
    """What the command prints; its errors fail the test with their end."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr[-2000:]}")
    return done.stdout.strip()


def lacking():
    """Why the image cannot be built here, or None."""
    if os.geteuid():
        return "not root"
    for tool in ("buildah",) if os.environ.get("BASE_IMAGE") else ("buildah", "debootstrap"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    return None


def make_base():
    """The name of a bookworm image made with debootstrap from the machine's own package source."""
    name = f"localhost/lbdemo-test-base:{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="lbdemo-base-") as root:
        run("debootstrap", "--variant=minbase", "bookworm", root, *filter(None, [os.environ.get("DEBIAN_MIRROR")]))
        container = run("buildah", "from", "scratch")
        run("buildah", "add", container, root, "/")
        run("buildah", "commit", "--rm", container, name)
    return name


def build(base):
    """Builds the image and returns its identifier."""
    run(IMAGE_SH, "buildah", NAME, base, env=dict(os.environ, BUILDAH_LAYERS="false"))
    return run("buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", NAME)


class Image(lbtest.Case):
    @classmethod
    def setUpClass(cls):
        made = None if os.environ.get("BASE_IMAGE") else make_base()
        base = made or os.environ["BASE_IMAGE"]
        cls.identifiers = [build(base), build(base)]
        if made:
            cls.addClassCleanup(run, "buildah", "rmi", made)
        cls.addClassCleanup(run, "buildah", "rmi", NAME)
        cls.container = run("buildah", "from", NAME)
        cls.addClassCleanup(run, "buildah", "rm", cls.container)
        cls.root = run("buildah", "mount", cls.container)
        cls.addClassCleanup(run, "buildah", "umount", cls.container)
        cls.config = json.loads(run("buildah", "inspect", "--type", "image", NAME))["OCIv1"]["config"]

    def inside(self, name, *args):
        """A program of the image, in its root and as its user, on this machine's loopback."""
        argv = [CHROOT, "--userspec=65532:65532", self.root, f"/usr/bin/{name}", *args]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env={})

    def test_the_same_inputs_give_the_same_image(self):
        self.assertEqual(self.identifiers[0], self.identifiers[1])

    def test_it_has_a_user_an_entrypoint_and_labels(self):
        self.assertEqual(self.config["User"], "65532:65532")
        self.assertEqual(self.config["Entrypoint"], ["/usr/bin/lbdemo-server"])
        labels = self.config["Labels"]
        for label in ("title", "description", "licenses", "version", "revision"):
            self.assertTrue(labels[f"org.opencontainers.image.{label}"], label)

    def test_it_has_the_programs_and_nothing_else_to_run(self):
        self.assertEqual(set(os.listdir(os.path.join(self.root, "usr", "bin"))), PROGRAMS)
        found = {name for folder in ("bin", "sbin", "usr/sbin", "usr/local/bin")
                 if os.path.isdir(os.path.join(self.root, folder))
                 for name in os.listdir(os.path.join(self.root, folder))}
        self.assertEqual(found, set())

    def test_it_is_small(self):
        size = sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(self.root)
                   for name in names)
        self.assertLess(size, LARGEST_BYTES)
        self.assertGreater(size, 1000 * 1000)

    def test_no_file_belongs_to_its_user_or_gives_rights(self):
        for folder, _, names in os.walk(self.root):
            for name in names:
                status = os.lstat(os.path.join(folder, name))
                self.assertEqual((status.st_uid, status.st_mode & 0o6002 if not os.path.islink(
                    os.path.join(folder, name)) else 0), (0, 0), name)

    def test_every_program_runs(self):
        for name in PROGRAMS:
            done = self.inside(name, "--version")
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_server_and_clients_talk(self):
        ports = "/tmp/ports"
        os.makedirs(os.path.join(self.root, "tmp"), exist_ok=True)
        server = subprocess.Popen(
            [CHROOT, "--userspec=65532:65532", self.root, "/usr/bin/lbdemo-server", "--pod-name=from-the-image",
             "--http-listen=127.0.0.1:0", "--grpc-listen=127.0.0.1:0", "--admin-listen=", f"--port-file={ports}"],
            env={}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        path = self.root + ports
        lbtest.wait_until(lambda: os.path.exists(path), "the server's port file")
        with open(path, encoding="utf-8") as f:
            listening = dict(line.split()[:2] for line in f)
        for name, address in (("lbdemo-http-client", listening["http"]), ("lbdemo-grpc-client", listening["grpc"])):
            done = self.inside(name, "--count=3", "--interval=0", address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("#3: from-the-image", done.stdout)


if __name__ == "__main__":
    WHY = lacking()
    if WHY:
        print(f"skipped: {WHY}")
        sys.exit(77)
    lbtest.main()
