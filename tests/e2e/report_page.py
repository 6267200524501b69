"""The page that lbdemo-report writes, opened in a real browser."""
import html.parser
import os
import re
import shutil
import subprocess
import unittest

import lbtest
import report

CHROMIUM = shutil.which("chromium")
HOSTILE = "<script>document.title='owned'</script>&\"'"


class Outline(html.parser.HTMLParser):
    """Elements of a page: tags with their attributes, and the text of the body."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def count(self, tag, css=None):
        return sum(1 for t, a in self.tags if t == tag and (css is None or css in (a.get("class") or "").split()))


class Page(report.ReportCase):
    def page(self, *args, status=0):
        path = self.path("page.html")
        self.assertEqual(self.report("--html", path, *args, status=status), "")
        with open(path, encoding="utf-8") as f:
            return f.read()

    def test_the_page_loads_nothing_and_runs_nothing(self):
        page = self.page(*self.make(3))
        tags = {tag for tag, _ in Outline(page).tags}
        self.assertFalse(tags & {"script", "link", "img", "iframe", "object", "embed", "form"}, tags)
        self.assertNotRegex(page, r"(?i)\b(src|href)\s*=\s*[\"']?(?!#g)")
        self.assertNotRegex(page, r"(?i)url\(|@import")
        self.assertIn("default-src 'none'", page)

    def test_a_dot_a_request_in_its_lane_by_connection(self):
        files = self.make(1, requests=60, balancer="per-connection", fail=20)
        page = self.page(*files)
        dots = re.findall(r'<path class="k(\d)" d="([^"]*)"', page)
        self.assertEqual(sum(d.count("M") for _, d in dots), 57)
        ticks = re.search(r'<path class="ticks" d="([^"]*)"', page).group(1)
        self.assertEqual(ticks.count("M"), 3)
        self.assertEqual({c for c, _ in dots}, set("012345"))
        # Per connection: no colour is in two lanes.
        self.assertEqual(len(dots), 6)

    def test_what_reports_say_is_escaped(self):
        files = self.make(2, name=HOSTILE, client=HOSTILE, path=HOSTILE, target="javascript:" + HOSTILE)
        page = self.page(*files)
        outline = Outline(page)
        self.assertEqual(outline.count("script"), 0)
        self.assertIn(HOSTILE, outline.text)

    def test_figures_are_those_of_the_json(self):
        files = self.make(4)
        verdict = self.merged(*files)["verdict"]
        text = Outline(self.page(*files)).text
        for share in verdict["shares"]:
            self.assertIn(f"{share['name']} {share['answers']} {share['errors']} {share['connections']} "
                          f"{100 * share['share']:.1f} %", text)
        for fact in verdict["facts"]:
            self.assertIn(fact["text"], text)

    def test_the_chance_is_as_the_text_has_it(self):
        files = self.make(1, requests=60, balancer="per-request")
        p = re.search(r"p = (0\.\d{3}) is the chance", " ".join(self.report(*files).split())).group(1)
        self.assertIn(f"<dt>chance if it were even</dt><dd>{p}</dd>", self.page(*files))

    def test_several_groups_have_a_table_of_them(self):
        self.make(1, path="one")
        self.make(1, path="two", prefix="two")
        outline = Outline(self.page(self.path("runs")))
        self.assertEqual(outline.count("article"), 2)
        self.assertEqual(outline.count("table", "matrix"), 1)

    def test_thousands_of_backends_and_requests_stay_a_page(self):
        page = self.page(*self.make(1, requests=4096, backends=3000, connections=500, balancer="per-request"))
        self.assertLess(len(page), 2_000_000)
        self.assertIn("others", Outline(page).text)

    def test_a_file_that_cannot_be_written_is_a_failure(self):
        file, = self.make(1)
        target = self.path("no/such/folder.html")
        self.assert_refused("lbdemo-report", ["--html", target, file], 1, target)


@unittest.skipUnless(CHROMIUM, "chromium is not installed")
class Browser(report.ReportCase):
    def browse(self, *args):
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             "--user-data-dir=" + self.path("profile"), *args],
            capture_output=True, timeout=6 * lbtest.DEADLINE_S, check=False, env=lbtest.clean_env(HOME=self.folder))
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def setUp(self):
        super().setUp()
        self.make(1, path="L4", requests=60, name=HOSTILE)
        self.make(1, path="L7", requests=60, prefix="l7", balancer="round-robin")
        self.page = self.path("page.html")
        self.report("--html", self.page, self.path("runs"))

    def test_the_browser_shows_it_and_runs_nothing(self):
        dom = self.browse("--dump-dom", "file://" + self.page)
        outline = Outline(dom)
        self.assertEqual(outline.count("article"), 2)
        self.assertEqual(outline.count("svg", "lane"), 2 * 2 * 3)
        self.assertNotIn("<title>owned", dom)

    def test_it_fits_phones_and_desktops_in_light_and_dark(self):
        """Neither the page nor a table in it is ever wider than the window, and it follows the colour scheme."""
        frame = ("<!DOCTYPE html><title>-</title><iframe id=f style='width:{}px;height:900px' src='page.html'></iframe>"
                 "<script>onload=()=>{{const d=f.contentDocument;document.title=[d.documentElement.scrollWidth,"
                 "[...d.querySelectorAll('.wide')].filter(e=>e.scrollWidth>e.clientWidth).length,"
                 "getComputedStyle(d.body).backgroundColor].join(' ')}}</script>")
        seen = {}
        for width in (360, 768, 800, 1400):
            path = self.path(f"frame{width}.html")
            with open(path, "w", encoding="utf-8") as f:
                f.write(frame.format(width))
            for scheme in (0, 1):
                dom = self.browse("--allow-file-access-from-files", "--window-size=1500,1000",
                                  f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", "file://" + path)
                wide, scrolled, colour = re.search(r"<title>(\d+) (\d+) (rgb[^<]*)</title>", dom).groups()
                self.assertLessEqual(int(wide), width)
                self.assertEqual(scrolled, "0", f"tables wider than their place at {width} px")
                seen[scheme] = colour
        self.assertNotEqual(seen[0], seen[1])

    def test_it_prints(self):
        pdf = self.path("page.pdf")
        self.browse("--print-to-pdf=" + pdf, "file://" + self.page)
        self.assertGreater(os.path.getsize(pdf), 10000)


if __name__ == "__main__":
    lbtest.main()
