"""What the tests of lbdemo-lab share."""
import json
import os
import re
import shutil
import signal
import sys

import lbtest

PODS = ["server-7c4bfd74d-29c69", "server-7c4bfd74d-4btvw", "server-7c4bfd74d-fk8zf"]


def envoy():
    """The path of Envoy, or None."""
    for path in (os.environ.get("LBDEMO_ENVOY"), os.path.join(lbtest.SOURCE, ".tools", "envoy"),
                 shutil.which("envoy")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def descendants(pid):
    """The processes below `pid`, however deep."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                    parents[int(entry)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue  # it has just ended
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} | found
        if more == found:
            return found - {pid}
        found = more


def alive(pids):
    """Those of `pids` that still run; a zombie, which waits for its parent only, does not."""
    running = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                    running.append(pid)
        except OSError:
            continue
    return running


def running(pids, word):
    """The first of `pids` whose command line has `word`."""
    for pid in alive(pids):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
            if word in f.read():
                return pid
    raise AssertionError(f"no process {word} among {pids}")


def find(program):
    """The path of a program of the system, or None."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def need(*programs):
    """Skips the whole file when a program of the system is not there."""
    for program in programs:
        if not find(program):
            print(f"skipped: {program} is not installed")
            sys.exit(77)


class LabCase(lbtest.Case):
    """A test with a state folder of its own."""

    def setUp(self):
        super().setUp()
        self.state = self.path("state")

    def environment(self, **extra):
        env = {"LBDEMO_STATE": self.state}
        if envoy():
            env["LBDEMO_ENVOY"] = envoy()
        env.update(extra)
        return env

    def lab(self, *args, env=None, **options):
        """Runs lbdemo-lab to its end: (status, stdout, stderr)."""
        return self.run_program("lbdemo-lab", *args, env=self.environment(**(env or {})), **options)

    def fake(self, name, text):
        """A PATH where the program `name` is a shell script."""
        folder = self.path("fake")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    def up(self, *args, env=None):
        """A standing lab: its process, once it said that it stands."""
        process = self.start("lbdemo-lab", "up", *args, env=self.environment(**(env or {})))
        try:
            lbtest.wait_until(lambda: "Ctrl-C" in process.out() or process.popen.poll() is not None, "the lab to stand")
            self.assertIsNone(process.popen.poll(), process.err())
        except AssertionError:
            process.stop(signal.SIGTERM)
            raise
        return process

    def detached(self, *args):
        """Stands a lab up with --detach; it is ended after the test."""
        status, out, err = self.lab("up", "--detach", *args)
        self.assertEqual((status, err), (0, ""))
        self.addCleanup(self.lab, "down")
        return out

    def standing(self):
        with open(os.path.join(self.state, "lab.json"), encoding="utf-8") as f:
            return json.load(f)

    def assert_gone(self, pids):
        self.assertGreater(len(pids), 0)
        lbtest.wait_until(lambda: not alive(pids), f"the end of {alive(pids)}")


def names(text):
    """The names in lines `#N: NAME`."""
    return re.findall(r"^#\d+: (?!error)(\S+)$", text, re.MULTILINE)
