"""Debian's packaging: what it says agrees with the tree, and its units are sound."""
import os
import re
import shutil
import subprocess
import tempfile

import lbtest

# build-essential has these, or a tarball does not need them.
IMPLIED = {"autoconf", "automake", "gcc", "libc6-dev", "make", "xz-utils"}


def read(*path):
    with open(os.path.join(lbtest.SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def listed(purpose):
    rows = (line.split("#")[0].split() for line in read("build-aux", "debian-packages").splitlines())
    return {row[0] for row in rows if len(row) == 2 and row[1] == purpose}


def build_depends():
    """{package: build profile or ""} of debian/control."""
    text = re.search(r"^Build-Depends:\n((?: .*\n)+)", read("debian", "control"), re.MULTILINE).group(1)
    rows = re.findall(r"^ ([a-z0-9.+-]+)(?::any)?(?: \([^)]*\))?( <!nocheck>)?,?$", text, re.MULTILINE)
    return {name: profile.strip() for name, profile in rows if name != "debhelper-compat"}


class Packaging(lbtest.Case):
    def setUp(self):
        super().setUp()
        if not os.path.isdir(os.path.join(lbtest.SOURCE, "debian")):
            self.skipTest("a release's tarball has no debian/")

    def test_build_dependencies_are_those_of_the_list(self):
        needed = {name for name, profile in build_depends().items() if not profile}
        self.assertEqual(needed, listed("build") - IMPLIED)

    def test_what_only_tests_need_is_in_the_list(self):
        for name, profile in build_depends().items():
            if profile:
                self.assertIn(name, listed("test") | listed("lab"))

    def test_the_versions_agree(self):
        version = re.search(r"^AC_INIT\(\[lbdemo\], \[([^]]+)\]", read("configure.ac"), re.MULTILINE).group(1)
        self.assertRegex(read("debian", "changelog").splitlines()[0], rf"^lbdemo \({re.escape(version)}-\d+\) ")
        self.assertIn(f"\n{version} ", "\n" + read("NEWS").split("\n", 2)[2])
        self.assertIn(f"ARG VERSION={version}\n", read("Dockerfile"))
        for page in os.listdir(os.path.join(lbtest.SOURCE, "man")):
            if re.search(r"\.[1-8]$", page):
                self.assertIn(f"\n.Os lbdemo {version}\n", read("man", page), page)

    def test_the_units_are_sound_and_shut_in(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        folder = tempfile.mkdtemp(dir=self.folder)
        for unit in ("lbdemo-server.service", "lbdemo-server@.service", "lbdemo-server.socket"):
            with open(os.path.join(folder, unit), "w", encoding="utf-8") as f:
                f.write(read("contrib", "systemd", unit + ".in").replace("@sbindir@/lbdemo-server", "/bin/true"))
        service = os.path.join(folder, "lbdemo-server.service")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", service], capture_output=True, text=True,
                              check=False, timeout=lbtest.DEADLINE_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", service],
                              capture_output=True, text=True, check=False, timeout=lbtest.DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stdout[-500:])


if __name__ == "__main__":
    lbtest.main()
