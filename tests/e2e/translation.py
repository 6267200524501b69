"""Messages in Simplified Chinese: complete, used where people read, and nowhere that machines do."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unicodedata

import http_backend
import lbtest

CATALOGUE = os.path.join(lbtest.SOURCE, "po", "zh_CN.po")
CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Catalogue(lbtest.Case):
    def setUp(self):
        super().setUp()
        tables = glob.glob(os.path.join(lbtest.BIN, "contrib", "completions", "*.options"))
        if not tables or not all(map(shutil.which, ("xgettext", "msgmerge", "msgcat", "msgfmt", "msgattrib"))):
            self.skipTest("needs gettext and a build tree")
        template = subprocess.run([os.path.join(lbtest.SOURCE, "po", "extract.sh"), lbtest.SOURCE, *tables], check=True,
                                  capture_output=True, text=True)
        self.assertEqual(template.stderr, "")
        with open(self.path("lbdemo.pot"), "w", encoding="utf-8") as f:
            f.write(template.stdout)

    def tool(self, *args):
        return subprocess.run(args, check=True, capture_output=True, text=True)

    def test_it_is_sound(self):
        self.tool("msgfmt", "-c", "-o", os.devnull, CATALOGUE)

    def test_it_has_every_message_of_the_sources(self):
        merged = self.path("merged.po")
        self.tool("msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, CATALOGUE, self.path("lbdemo.pot"))
        missing = self.tool("msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", merged).stdout
        missing += self.tool("msgattrib", "--only-fuzzy", "--no-obsolete", "--no-wrap", merged).stdout
        self.assertEqual(re.findall(r'^(?:msgid|").*', missing, re.MULTILINE)[1:], [],
                         "not translated; make update-po adds them to po/zh_CN.po")

    def test_it_has_no_other(self):
        merged = self.path("merged.po")
        self.tool("msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, CATALOGUE, self.path("lbdemo.pot"))
        with open(merged, encoding="utf-8") as f:
            self.assertNotIn("#~ msgid", f.read(), "make update-po removes them")


class InChinese(lbtest.Case):
    locales = None

    @classmethod
    def setUpClass(cls):
        """A Chinese locale, which this machine need not have."""
        if not shutil.which("localedef") or not os.path.exists("/usr/share/i18n/locales/zh_CN"):
            return
        cls.locales = tempfile.mkdtemp(prefix="lbdemo-test-")
        cls.addClassCleanup(shutil.rmtree, cls.locales)
        subprocess.run(["localedef", "-i", "zh_CN", "-f", "UTF-8", os.path.join(cls.locales, "zh_CN.UTF-8")],
                       check=True, capture_output=True)

    def setUp(self):
        super().setUp()
        built = os.path.exists(os.path.join(lbtest.BIN, "po", "zh_CN", "LC_MESSAGES", "lbdemo.mo"))
        if not self.locales or not (built or os.environ.get("LBDEMO_INSTALLED")):
            self.skipTest("needs the package locales, and msgfmt at build time")
        with open(self.path("known-leaks"), "w", encoding="ascii") as f:
            f.write("leak:__argz_add_sep\n")  # glibc's newlocale does not free what it makes of LOCPATH
        self.chinese = {"LOCPATH": self.locales, "LC_ALL": "zh_CN.UTF-8",
                        "LSAN_OPTIONS": f"suppressions={self.path('known-leaks')}:print_suppressions=0"}
        if built:
            self.chinese["LBDEMO_LOCALEDIR"] = os.path.join(lbtest.BIN, "po")

    def in_chinese(self, *args, **options):
        return self.run_program(*args, env=self.chinese, **options)

    def test_help_is_chinese_and_fits_80_columns(self):
        for program in ("lbdemo-server", "lbdemo-http-client", "lbdemo-grpc-client", "lbdemo-report", "lbdemo-lab"):
            status, out, err = self.in_chinese(program, "--help")
            self.assertEqual((status, err), (0, ""))
            self.assertTrue(out.startswith(f"用法：{program} "), out[:60])
            for line in out.splitlines():
                self.assertLessEqual(columns(line), 80, line)
            texts = [line for line in out.splitlines() if line.startswith("      ")]
            self.assertGreater(len(texts), 5)
            self.assertEqual([line for line in texts if not CHINESE.search(line) and line.count(" ") > 8], [])

    def test_an_error_is_chinese(self):
        status, out, err = self.in_chinese("lbdemo-http-client", "--count", "many", "127.0.0.1")
        self.assertEqual((status, out), (2, ""))
        self.assertRegex(err, r"^lbdemo-http-client: 选项 --count：'many' 不是 0 到 \d+ 的整数\n$")

    def test_an_error_of_one_of_many_reports_is_chinese(self):
        paths = [self.path(f"{i}.json") for i in range(8)]
        for path in paths:
            with open(path, "w", encoding="utf-8") as f:
                f.write("{}")
        status, out, err = self.in_chinese("lbdemo-report", *paths)
        self.assertEqual((status, out), (2, ""))
        self.assertIn(paths[0], err)
        self.assertRegex(err, CHINESE)

    def test_a_verdict_is_chinese_with_its_columns_aligned(self):
        server = self.server()
        status, out, err = self.in_chinese("lbdemo-http-client", "--count", 20, "--interval", 0, server.http)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("#20: server-7c4bfd74d-29c69\n", out)
        head, row = re.search(r"^(后端.*)\n(server-.*)$", out, re.MULTILINE).groups()
        self.assertEqual(columns(head), columns(row))
        self.assertRegex(out, r"(?m)^单一 \(single\): |^不能断定 \(inconclusive\): ")
        self.assertRegex(out, r"(?m)^  事实    ")
        self.assertRegex(out, r"(?m)^  建议    ")
        verdict = out[out.index("\n  事实"):]
        self.assertEqual([line for line in verdict.splitlines() if columns(line) > 80], [])

    def test_what_machines_read_is_english(self):
        server = self.server()
        report = self.path("run.json")
        status, out, err = self.in_chinese("lbdemo-http-client", "-n", 20, "-i", 0, "--output", "json", "--report", report,
                                           server.http)
        self.assertEqual((status, err), (0, ""))
        with open(report, encoding="utf-8") as f:
            written = f.read()
        for text in (out, written):
            self.assertGreater(len(json.loads(text)["verdict"]["facts"]), 0)
            self.assertNotRegex(text, CHINESE)
        self.assertNotRegex(self.in_chinese("lbdemo-report", "--json", report)[1], CHINESE)
        self.in_chinese("lbdemo-report", "--html", self.path("page.html"), report)
        with open(self.path("page.html"), encoding="utf-8") as f:
            self.assertNotRegex(f.read(), CHINESE)

    def test_a_requests_error_is_data_and_english(self):
        taken, port = http_backend.free_port()
        self.addCleanup(taken.close)
        status, out, _ = self.in_chinese("lbdemo-http-client", "-n", 2, "-i", 0, f"127.0.0.1:{port}")
        self.assertEqual(status, 3)
        self.assertIn(f"#1: error: connect 127.0.0.1:{port}: Connection refused\n", out)

    def test_the_servers_log_is_english(self):
        server = self.server(env=self.chinese)
        server.stop()
        self.assertIn("stopping", server.err())
        self.assertNotRegex(server.err(), CHINESE)

    def test_the_c_locale_is_english_whatever_else_is_set(self):
        env = {**self.chinese, "LC_ALL": "C", "LANGUAGE": "zh_CN", "LANG": "zh_CN.UTF-8"}
        plain = self.run_program("lbdemo-report", "--help")
        self.assertEqual(self.run_program("lbdemo-report", "--help", env=env), plain)
        self.assertIn("Usage: lbdemo-report", plain[1])


if __name__ == "__main__":
    lbtest.main()
