"""One comparison in every form, parsed back, with names that would break each of them."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from benchmark.comparison import compare
from benchmark.report.html import html_report
from benchmark.report.json_form import json_text
from benchmark.report.latex import latex_texts
from benchmark.report.markdown import report_markdown
from benchmark.report.model import Figure, Table
from benchmark.report.spreadsheet import csv_text

GROUPS = ("<script>alert('x')</script>", "=a & b_c%", '日本 "$x$" #1 \\end{tabular}')
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Tables(HTMLParser):
    """The rows of a page's tables as texts; end tags of cells and rows may be left out."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.rows, self.cell = [], [], None

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in ("tr", "td", "th"):
            self.end_cell()
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th", "tr", "tbody", "table"):
            self.end_cell()

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)

    def end_cell(self):
        if self.cell is not None:
            self.rows[-1].append(" ".join("".join(self.cell).split()))
        self.cell = None


@pytest.fixture
def found(tmp_path, write_scored):
    for seed in (0, 1, 2):
        write_scored("clip-ft", seed, groups={"race": GROUPS})
        write_scored("@SUM(A1)", seed, trained_on=("race",), groups={"race": GROUPS})
    return compare(tmp_path / "results")


def numbers(text):
    return NUMBER.findall(text.replace("−", "-"))


def of_latex(tex):
    """Numbers of each row of a table in LaTeX."""
    tex = tex.replace("$-$", "-")
    while "\\phantom{" in tex:
        tex = re.sub(r"\\phantom{[^{}]*}", "", tex)
    tex = re.sub(
        r"(\\begin{tabular}\[t\].*?\\end{tabular})", lambda m: m[1].replace("\\\\", ""), tex
    )
    parts = re.findall(r"\\midrule\n(.*?)\\bottomrule", tex, re.DOTALL)
    cut = (re.sub(r"\\addlinespace\[2pt\]", "", part) for part in parts)
    return [[line.split(" & ") for line in part.splitlines()] for part in cut]


class TestEveryForm:
    def tables(self, found):
        figures = {b.table.id for b in found.report.blocks() if isinstance(b, Figure)}
        return [b for b in found.report.blocks() if isinstance(b, Table) and b.id not in figures]

    def test_html_has_the_cells_of_the_report(self, found):
        page = Tables()
        page.feed(html_report(found.report))
        rows = [tuple(row) for row in page.rows]
        for table in self.tables(found):
            for row in table.rows:
                assert tuple(" ".join(cell.text.split()) for cell in row) in rows
        assert page.tags.count("script") == 1

    def test_markdown_has_the_numbers_of_the_report(self, found):
        lines = report_markdown(found.report).splitlines()
        rows = [numbers(line) for line in lines if line.startswith("|")]
        levels = [
            t for t in self.tables(found) if t.id.startswith(("levels-", "differences-fairvlmed"))
        ]
        assert len(levels) == 2
        for table in levels:
            for row in table.rows:
                assert numbers(" ".join(cell.text for cell in row)) in rows

    def test_latex_has_the_numbers_of_the_report(self, found):
        texts = latex_texts(found.report)
        checked = 0
        for table in self.tables(found):
            if not table.id.startswith(("levels-", "differences-fairvlmed", "verdicts")):
                continue
            for part in of_latex(texts[f"table-{table.id}.tex"]):
                assert len(part) == len(table.rows)
                for cells, row in zip(part, table.rows, strict=True):
                    want = [tuple(numbers(cell.text)) for cell in row]
                    got = [tuple(numbers(strip(cell))) for cell in cells]
                    held = [one for one in got if one]
                    assert set(held) <= set(want)
                    checked += len(held)
        assert checked > 20

    def test_csv_rounds_to_the_numbers_of_the_report(self, found):
        rows = [*csv.DictReader(io.StringIO(csv_text(found.summary)))]
        (table,) = (t for t in self.tables(found) if t.id.startswith("levels"))
        auc = next(j for j, column in enumerate(table.columns) if column.key == "auc")
        means = {
            f"{100 * float(row['mean']):.2f}"
            for row in rows
            if row["metric"] == "auc" and row["main_rule"] == "True"
        }
        assert {numbers(row[auc].text)[0] for row in table.rows} == means

    def test_json_has_the_cells_of_the_report(self, found):
        text = json.dumps(json.loads(json_text(found.report, {})), ensure_ascii=False)
        for table in self.tables(found):
            for cell in (cell for row in table.rows for cell in row if cell.text):
                assert json.dumps(cell.text, ensure_ascii=False) in text


def strip(cell):
    return re.sub(r"\\[a-z]+(\[[^\]]*\])?({[^{}]*})?|fontseries{b}", "", cell)


class TestHostileNames:
    def test_no_csv_cell_starts_a_formula(self, found):
        for table in found.tables.values():
            for row in csv.reader(io.StringIO(csv_text(table))):
                for cell in row:
                    harmless = not cell.startswith(("=", "+", "-", "@", "\t"))
                    assert harmless or re.fullmatch(r"-[\d.e-]+", cell), cell

    def test_names_are_in_every_form(self, found):
        markdown, page = report_markdown(found.report), html_report(found.report)
        assert "<script>alert" not in markdown
        assert "<script>alert" not in page
        tex = "".join(latex_texts(found.report).values())
        assert "=a \\& b\\_c\\%" in tex
        assert "\\fairbenchchar{65E5}\\fairbenchchar{672C}" in tex
        assert "\\textbackslash{}end\\{tabular\\}" in tex
