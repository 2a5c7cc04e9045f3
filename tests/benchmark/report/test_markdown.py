from markdown_it import MarkdownIt

from benchmark.report.markdown import report_markdown
from benchmark.report.model import (
    Answer,
    Bullets,
    Cell,
    Code,
    Column,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "# <script>a|b</script> & *x* _y_ `z` [u](v)"
TABLE = Table(
    "t",
    f"Caption {HOSTILE}",
    (Column("name", HOSTILE), Column("x", "x", numeric=True)),
    ((Cell(HOSTILE), Cell("1.00", 1.0, strong=True)),),
    (f"- {HOSTILE}",),
)


def report(*blocks):
    answers = (Answer("better", HOSTILE),)
    section = Section("s", HOSTILE, blocks)
    return Report("Title", "1. Why?", (f"> {HOSTILE}",), answers, (section,))


def tokens(text, kind="inline"):
    return [token for token in READER.parse(text) if token.type == kind]


def texts(text):
    return ["".join(child.content for child in token.children) for token in tokens(text)]


class TestReportMarkdown:
    def test_texts_are_read_back_as_they_are(self):
        inner = Section("i", "Inner", (Bullets((HOSTILE, "+ two")),))
        text = report_markdown(report(Paragraph(HOSTILE), TABLE, inner))
        assert texts(text) == [
            "Title",
            "1. Why?",
            f"better: {HOSTILE}",
            f"> {HOSTILE}",
            HOSTILE,
            HOSTILE,
            f"Caption {HOSTILE}",
            HOSTILE,
            "x",
            HOSTILE,
            "1.00",
            f"- {HOSTILE}",
            "Inner",
            HOSTILE,
            "+ two",
        ]
        assert {child.type for token in tokens(text) for child in token.children} <= {
            "text",
            "strong_open",
            "strong_close",
        }

    def test_bold_is_what_the_model_calls_strong(self):
        text = report_markdown(report(TABLE))
        strong = [t for t in tokens(text) if any(c.type == "strong_open" for c in t.children)]
        assert ["".join(c.content for c in t.children) for t in strong] == [
            f"better: {HOSTILE}",
            "1.00",
        ]

    def test_headings_nest_and_stop_at_the_smallest(self):
        section = Section("s7", "7", ())
        for depth in range(6, 1, -1):
            section = Section(f"s{depth}", str(depth), (section,))
        text = report_markdown(Report("1", "?", (), (), (section,)))
        headings = [token.tag for token in READER.parse(text) if token.type == "heading_open"]
        assert headings == ["h1", "h2", "h3", "h4", "h5", "h6", "h6"]

    def test_code_is_kept_character_by_character(self):
        commands = "fairbench run --set 'a b=1' *_*\n  ```"
        text = report_markdown(report(Code(commands)))
        (block,) = tokens(text, "code_block")
        assert block.content.rstrip("\n") == commands

    def test_a_figure_has_its_caption_and_its_numbers_and_its_picture_if_there_is_one(self):
        figure = Figure("f", "Figure", "What to see.", lambda: None, TABLE)
        for images in ({}, {"f": "figures/f.svg"}):
            text = report_markdown(report(figure), images)
            assert "Figure. What to see." in texts(text)
            assert "1.00" in texts(text)
            found = [c for t in tokens(text) for c in t.children if c.type == "image"]
            assert [c.attrs["src"] for c in found] == list(images.values())
            folded = "".join(token.content for token in tokens(text, "html_block"))
            assert folded.count("<details>") == folded.count("</details>") == 1
            assert "<script" not in folded


class TestAnswers:
    def test_many_are_folded_on_github(self):
        answers = tuple(Answer("undecided", f"claim {k:02}") for k in range(14))
        text = report_markdown(Report("T", "Why?", (), (*answers, Answer("better", "won")), ()))
        above, folded = text.split("<details><summary>More answers (3)</summary>\n")
        assert "won" in above
        assert [f"claim {k:02}" in folded for k in range(14)] == [False] * 11 + [True] * 3
