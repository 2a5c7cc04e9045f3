import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmark.report.html import html_report
from benchmark.report.model import Answer, Bullets, Cell, Column, Figure, Paragraph, Report, Table

VOID = {"meta", "br", "link", "img", "input"}
OPTIONAL_END = {"td", "th", "tr"}


class Page(HTMLParser):
    """What a reader without a script finds: tags with their attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[int] = []
        self._id = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "div" and found.get("class") == "table":
            self._id = str(found["id"])
            self.tables[self._id] = []
        if tag == "tr":
            self.tables[self._id].append([])
        if tag in ("td", "th"):
            self.tables[self._id][-1].append("")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID | OPTIONAL_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPTIONAL_END:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.texts.append(data)
        if {"tbody", "thead"} & set(self.open) and any(self.tables[self._id][-1:]):
            self.tables[self._id][-1][-1] += data.rstrip("\n")

    def attributes(self, name: str) -> list[str]:
        return [str(attrs[name]) for _, attrs in self.tags if name in attrs]


def texts_of(report: Report) -> Iterator[str]:
    yield from (report.title, report.question, *report.summary)
    yield from (answer.text for answer in report.answers)
    for block in report.blocks():
        if isinstance(block, Bullets):
            yield from block.items
        elif isinstance(block, Table):
            yield from (block.caption, *block.notes)
        elif isinstance(block, Figure):
            yield from (block.title, block.caption, block.table.caption)
        else:
            yield block.text if not hasattr(block, "title") else block.title


def tables_of(report: Report) -> list[Table]:
    blocks = list(report.blocks())
    return [b for b in blocks if isinstance(b, Table)] + [
        b.table for b in blocks if isinstance(b, Figure)
    ]


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return html_report(report)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


class TestHtmlReport:
    def test_every_text_of_the_report_stands_in_it_as_it_is(
        self, report: Report, page: Page
    ) -> None:
        shown = {text.strip() for text in page.texts}
        assert [text for text in texts_of(report) if text not in shown] == []

    def test_every_table_is_read_back_cell_by_cell(self, report: Report, page: Page) -> None:
        for table in tables_of(report):
            head, *body = page.tables[table.id]
            assert head == [column.heading for column in table.columns]
            assert body == [[cell.text for cell in row] for row in table.rows]

    def test_the_numbers_behind_cells_are_read_back_unrounded(
        self, report: Report, verdicts: Table, html: str
    ) -> None:
        only = replace(report, sections=(replace(report.sections[0], blocks=(verdicts,)),))
        found = Page(html_report(only)).attributes("data-value")
        values = [c.value for row in verdicts.rows for c in row if c.value is not None]
        assert [float(text) for text in found] == values

    def test_no_name_becomes_a_tag_or_an_attribute(self, html: str, page: Page) -> None:
        count = Counter(tag for tag, _ in page.tags)
        assert (count["script"], count["h1"]) == (1, 1)
        assert not {"b", "em"} & set(count)
        assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]

    def test_ids_are_unique_and_every_link_has_its_target(self, page: Page) -> None:
        ids = page.attributes("id")
        assert [name for name, times in Counter(ids).items() if times > 1] == []
        assert {href[1:] for href in page.attributes("href")} <= set(ids)
        for name in page.attributes("aria-labelledby"):
            assert name in ids

    def test_headings_go_down_one_level_at_a_time(self, page: Page) -> None:
        assert page.headings[0] == 1
        steps = [b - a for a, b in zip(page.headings, page.headings[1:], strict=False)]
        assert max(steps) == 1

    def test_nothing_is_fetched_and_only_its_own_script_may_run(self, html: str) -> None:
        assert not re.search(r"\b(src|href)\s*=\s*[\"']?[^\"'#\s]", html)
        assert not re.search(r"url\((?!#)|@import", html)
        script = html.split("<script>")[1].split("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
        )

    def test_header_cells_have_a_scope_and_tables_a_caption(
        self, report: Report, page: Page
    ) -> None:
        scopes = {attrs.get("scope") for tag, attrs in page.tags if tag == "th"}
        assert scopes == {"col", "row"}
        assert sum(tag == "caption" for tag, _ in page.tags) == len(tables_of(report))

    def test_a_report_without_answers_sections_and_summary_is_a_page(self) -> None:
        page = Page(html_report(Report("Empty", "Is there anything?", (), (), ())))
        assert page.headings == [1, 2]
        assert "Is there anything?" in page.texts

    def test_the_same_report_gives_the_same_bytes(self, report: Report, html: str) -> None:
        assert html_report(report) == html

    def test_a_full_grid_stays_far_below_six_megabytes(self, full_grid: Report) -> None:
        # Figures have the rest of the six.
        assert len(html_report(full_grid).encode()) < 2_500_000


class TestFolding:
    def test_a_few_answers_keep_the_reports_order(self, report: Report) -> None:
        few = replace(report, answers=report.answers[:5])
        words = [a.verdict for a in few.answers]
        assert self._verdicts(few) == words

    def test_many_answers_begin_with_those_that_are_decided(self, report: Report) -> None:
        words = self._verdicts(report)
        assert words[:5] == ["better"] * 2 + ["worse"] * 3
        assert sorted(words) == sorted(a.verdict for a in report.answers)
        assert words[-3:] == ["not estimable"] * 3

    def test_a_long_table_is_folded_and_a_short_one_is_not(self, report: Report) -> None:
        page = Page(html_report(report))
        assert [a["class"] for t, a in page.tags if t == "details" and "class" in a] == [
            "more",  # answers
            "folded",  # the table of 110 rows
        ]

    def test_many_notes_are_folded_and_none_is_lost(self, report: Report) -> None:
        notes = tuple(f"note {i}" for i in range(9))
        table = Table("t", "c", (Column("a", "a"),), ((Cell("x"),),), notes)
        part = replace(report.sections[0], blocks=(table, Paragraph("end")))
        page = Page(html_report(replace(report, answers=(), sections=(part,))))
        assert [text for text in page.texts if text.startswith("note ")] == list(notes)
        assert "3 more notes" in page.texts

    @staticmethod
    def _verdicts(report: Report) -> list[str]:
        only = replace(report, sections=())
        page = Page(html_report(only))
        known = {answer.verdict for answer in report.answers}
        return [text for text in page.texts if text in known]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("word", "style"),
        [
            ("better", "better"),
            ("better, negligible", "better-negligible"),
            ("better ‡", "better"),
            ("not estimable", "not-estimable"),
            ("refuted", "refuted"),
            ("betterment", "other"),
        ],
    )
    def test_each_has_a_style_of_its_own(self, word: str, style: str) -> None:
        page = Page(html_report(Report("t", "q", (), (Answer(word, "text"),), ())))
        assert f"verdict {style}" in page.attributes("class")
