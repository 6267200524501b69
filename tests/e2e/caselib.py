"""Tables of protocol cases: what is sent, by which rule, what is answered. They are tests, and documents beside them
that UPDATE_CASES=1 (make cases) writes anew."""
import os

import lbtest


class Case:
    """One row. `sent` is what goes over the wire, `answer` what must come, `note` why that is not simply what the
    rule says."""

    def __init__(self, rule, name, sent, answer, note="", **options):
        self.rule, self.name, self.sent, self.answer, self.note, self.options = rule, name, sent, answer, note, options


def document(title, cases, about):
    """The table as Markdown."""
    lines = [f"# {title}", "", f"{len(cases)} cases; `make cases` writes this table, `make check` runs it.", "",
             *([about, ""] if about else []),
             "| rule | sent | answer | remark |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(text.replace("|", "\\|") for text in (c.rule, c.name, c.answer, c.note)) + " |"
              for c in cases]
    return "\n".join(lines) + "\n"


def check(test, file, title, cases, observe, about=""):
    """Runs all cases; `observe(case)` says what was answered. The document must be that of the table."""
    for case in cases:
        with test.subTest(case.name):
            test.assertEqual(observe(case), case.answer)
    path = os.path.join(lbtest.SOURCE, "tests", "e2e", file)
    if os.environ.get("UPDATE_CASES"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(document(title, cases, about))
    with open(path, encoding="utf-8") as f:
        test.assertEqual(f.read(), document(title, cases, about), f"{file} is not this table: make cases writes it")
