"""The command line all our programs share: --help, --version, bad options, man pages."""
import glob
import os
import re
import shutil
import subprocess

import lbtest

PAGES = {"lbdemo-server": 8, "lbdemo-http-client": 1, "lbdemo-grpc-client": 1, "lbdemo-lab": 1, "lbdemo-report": 1}
PROGRAMS = {name: section for name, section in PAGES.items() if shutil.which(lbtest.program(name))}


def page_of(name, section):
    return os.path.join(lbtest.SOURCE, "man", f"{name}.{section}")


def options_in_help(text):
    return set(re.findall(r"^  (?:-\w, )?--([a-z0-9-]+)", text, re.MULTILINE))


def options_in_page(text):
    """From `.It Fl -long Ar ARG` and `.It Fl n , Fl -long`."""
    items = re.findall(r"^\.It (?:Fl \w , )?Fl \\?-([a-z0-9\\-]+)", text, re.MULTILINE)
    return {item.replace("\\-", "-") for item in items}


class CommandLine(lbtest.Case):
    def test_the_programs_are_there(self):
        self.assertIn("lbdemo-server", PROGRAMS)

    def test_help_fits_80_columns_on_stdout(self):
        for name in PROGRAMS:
            status, out, err = self.run_program(name, "--help")
            self.assertEqual((status, err), (0, ""), name)
            self.assertTrue(out.startswith(f"Usage: {name} "), out[:60])
            for line in out.splitlines():
                self.assertLessEqual(len(line), 80, f"{name}: {line}")

    def test_version_names_program_version_and_license(self):
        for name in PROGRAMS:
            status, out, err = self.run_program(name, "--version")
            self.assertEqual((status, err), (0, ""), name)
            self.assertRegex(out.splitlines()[0], rf"^{name} \(lbdemo\) \d+\.\d+")
            self.assertIn("GPL", out)

    def test_an_unknown_option_is_named(self):
        for name in PROGRAMS:
            self.assert_refused(name, ["--nonsense"], 2, "'--nonsense'")

    def test_output_that_cannot_be_written_is_a_failure(self):
        for name in PROGRAMS:
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([lbtest.program(name), "--help"], stdout=full, stderr=subprocess.PIPE,
                                      env=lbtest.clean_env(), timeout=lbtest.DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(b"standard output", done.stderr)

    def test_the_man_page_has_every_option_and_no_other(self):
        for name, section in PROGRAMS.items():
            with open(page_of(name, section), encoding="utf-8") as f:
                described = options_in_page(f.read())
            offered = options_in_help(self.run_program(name, "--help")[1])
            self.assertEqual(described ^ offered, set(), f"{name}: only in the page or only in --help")

    def test_the_man_pages_are_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        pages = glob.glob(os.path.join(lbtest.SOURCE, "man", "*.[1-8]"))
        self.assertGreater(len(pages), len(PROGRAMS))
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout + done.stderr, "")


if __name__ == "__main__":
    lbtest.main()
