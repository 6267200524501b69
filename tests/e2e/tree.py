"""The makefiles know every file: no test that is never run, no source that is not shipped."""
import glob
import os
import re
import shutil
import subprocess

import lbtest

FOLDERS = ("bench", "man", "proto", "src", "tests")
NAMED_OTHERWISE = (".mk", ".md", ".gitignore")  # included makefiles are shipped by Automake

ON_DEMAND = {"tests/e2e/image.py", "tests/e2e/soak.py"}  # slow: make check-image, make soak


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def tracked():
    """The files below FOLDERS that are in git; none in a release, or where git is not installed."""
    if not shutil.which("git"):
        return []
    done = subprocess.run(["git", "-C", lbtest.SOURCE, "ls-files", "-z", "--", *FOLDERS], capture_output=True,
                          text=True, check=False)
    return [path for path in done.stdout.split("\0") if path and os.path.exists(os.path.join(lbtest.SOURCE, path))]


def matching(pattern):
    """Paths relative to the source tree."""
    return [os.path.relpath(path, lbtest.SOURCE) for path in glob.glob(os.path.join(lbtest.SOURCE, pattern))]


def makefiles():
    """{path: text} of Makefile.am and what it includes, with continued lines joined."""
    paths = [os.path.join(lbtest.SOURCE, "Makefile.am"),
             *glob.glob(os.path.join(lbtest.SOURCE, "**", "*.mk"), recursive=True)]
    return {path: read(path).replace("\\\n", " ") for path in paths}


class Tree(lbtest.Case):
    def setUp(self):
        super().setUp()
        text = "\n".join(makefiles().values())
        self.words = set(re.findall(r"[^\s=;'\"()]+", text))
        lists = re.findall(r"^(\w+) *\+?= *(.*)$", text, re.MULTILINE)
        run = {name for name, value in lists if name == "TESTS"}
        values = " ".join(value for name, value in lists if name == "TESTS")
        run |= set(re.findall(r"\$\((\w+)\)", values))
        self.tests = {word for name, value in lists if name in run for word in value.split()}

    def test_every_end_to_end_test_is_run(self):
        tests = [path for path in matching("tests/e2e/*.py")
                 if re.search(r"^    lbtest\.main\(\)$", read(os.path.join(lbtest.SOURCE, path)), re.MULTILINE)]
        self.assertGreater(len(tests), 5)
        self.assertEqual([path for path in tests if path not in self.tests | ON_DEMAND], [])

    def test_every_unit_test_is_run(self):
        tests = [path[:-2] for path in matching("tests/unit/check_*.c")]
        self.assertGreater(len(tests), 10)
        self.assertEqual([path for path in tests if path not in self.tests], [])

    def test_every_file_is_named(self):
        if not tracked():
            self.skipTest("not a clone: what is built here cannot be told from sources")
        unnamed = [path for path in tracked() if path not in self.words and not path.endswith(NAMED_OTHERWISE)]
        self.assertEqual(unnamed, [])


if __name__ == "__main__":
    lbtest.main()
