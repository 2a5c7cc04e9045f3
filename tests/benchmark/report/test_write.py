import json
import os
import re

import pandas as pd
import pytest

from benchmark.errors import FairbenchError
from benchmark.report.model import Cell, Code, Column, Figure, Report, Section, Table
from benchmark.report.write import FORMATS, parse_formats, write_report

TABLE = Table("behind", "Numbers.", (Column("x", "x", numeric=True),), ((Cell("1", 1.0),),))


def draw():
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(2, 1))
    drawing.subplots().plot([0, 1], [0, 1])
    return drawing


@pytest.fixture
def report():
    figure = Figure("drawn", "A figure", "What to see.", draw, TABLE)
    section = Section("one", "One", (Table("t", "T.", TABLE.columns, TABLE.rows), figure))
    return Report("Title", "Why?", (), (), (section,))


@pytest.fixture
def write(report, tmp_path):
    tables = {"values": pd.DataFrame({"group": ["a", None], "value": [0.1, float("nan")]})}

    def write(*formats):
        paths = write_report(tmp_path / "out", "mine", report, tables, formats, {"seeds": 3})
        assert all(path.is_file() for path in paths)
        return {path.relative_to(tmp_path / "out").as_posix() for path in paths}

    return write


class TestParseFormats:
    def test_takes_repeated_and_comma_separated_names_once_each(self):
        assert parse_formats(["svg,html", "svg", " json "]) == ("svg", "html", "json")

    def test_all_is_every_format(self):
        assert parse_formats(["html,all"]) == FORMATS

    def test_an_unknown_format_names_the_known_ones(self):
        with pytest.raises(FairbenchError, match=r"unknown format 'htlm'. Did you mean 'html'"):
            parse_formats(["htlm"])


class TestWriteReport:
    def test_the_name_of_a_folder_in_no_encoding_breaks_no_form(self, tmp_path):
        name = os.fsdecode(b"/data/\xff")
        section = Section("one", "One", (Code(f"fairbench run --data-dir {name}"),))
        made = Report("Title", "Why?", (), (), (section,))
        paths = write_report(tmp_path, "mine", made, {}, ("html", "latex", "json"), {"of": name})
        for path in paths:
            assert path.read_text(encoding="utf-8")  # whole, and of one encoding
        held = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
        assert held["facts"]["of"] == name

    def test_markdown_and_csv_are_always_written(self, write):
        assert write() == {"mine.md", "values.csv"}

    def test_each_format_adds_its_files(self, write):
        base = {"mine.md", "values.csv"}
        assert write("html") - base == {"mine.html"}
        assert write("json") - base == {"mine.json"}
        assert write("parquet") - base == {"values.parquet"}
        assert write("svg") - base == {"figures/drawn.svg"}
        assert write("png", "pdf") - base == {"figures/drawn.png", "figures/drawn.pdf"}
        found = write("latex") - base
        assert {"latex/report.tex", "latex/table-t.tex", "latex/figures/drawn.pdf"} <= found

    def test_what_the_last_report_had_besides_is_gone(self, write, tmp_path):
        write("all")
        assert write("html") == {"mine.md", "values.csv", "mine.html"}
        left = {path.name for path in (tmp_path / "out").rglob("*")}
        assert left == {"mine.md", "values.csv", "mine.html", "mine.files.json"}

    def test_markdown_shows_pictures_that_are_there_and_else_the_numbers(self, write, tmp_path):
        write("svg", "pdf")
        text = (tmp_path / "out" / "mine.md").read_text()
        (path,) = re.findall(r"!\[A figure\]\((.*)\)", text)
        assert (tmp_path / "out" / path).is_file()
        assert "What to see." in text
        write("pdf")
        text = (tmp_path / "out" / "mine.md").read_text()
        assert "![" not in text
        assert "Numbers." in text

    def test_parquet_holds_the_table(self, write, tmp_path):
        write("parquet")
        found = pd.read_parquet(tmp_path / "out" / "values.parquet")
        assert found["value"].iloc[0] == 0.1
        assert found.isna().to_numpy().tolist() == [[False, False], [True, True]]

    def test_json_holds_the_facts(self, write, tmp_path):
        write("json")
        assert json.loads((tmp_path / "out" / "mine.json").read_text())["facts"] == {"seeds": 3}

    def test_pictures_are_what_their_names_say(self, write, tmp_path):
        write("svg", "png", "pdf")
        starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
        for suffix, start in starts.items():
            assert (tmp_path / "out" / f"figures/drawn.{suffix}").read_bytes().startswith(start)
