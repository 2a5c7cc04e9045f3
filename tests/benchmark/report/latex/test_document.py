import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from benchmark.report.latex import latex_texts
from benchmark.report.model import Table

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+")


class TestLatexTexts:
    def test_there_is_a_file_for_each_table_and_the_document_inputs_it(self, report):
        texts = latex_texts(report)
        ids = [block.id for block in report.blocks() if isinstance(block, Table)]
        assert set(texts) == {"report.tex", "preamble.tex", *(f"table-{i}.tex" for i in ids)}
        for table_id in ids:
            assert texts["report.tex"].count(f"\\input{{table-{table_id}}}") == 1

    def test_all_is_ascii(self, report):
        assert all(text.isascii() for text in latex_texts(report).values())

    def test_answers_and_summary_come_before_the_sections(self, report):
        text = latex_texts(report)["report.tex"]
        order = ["A \\& B", "Is a\\_b $<$ c?", "\\item[{undecided}]", "50\\%", "\\section{Section"]
        at = [text.index(words) for words in order]
        assert at == sorted(at)


@pytest.fixture
def compiled(report, tmp_path):
    """The log of pdflatex and the text of the PDF."""
    for program in ("pdflatex", "pdftotext"):
        if shutil.which(program) is None and not os.environ.get("CI"):
            pytest.skip(f"no {program} here")
    for name, text in latex_texts(report).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    for _ in range(3):  # widths of a longtable settle
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    subprocess.run(["pdftotext", "-layout", "report.pdf"], cwd=tmp_path, check=True)
    log = (tmp_path / "report.log").read_text(encoding="utf-8", errors="replace")
    return log, (tmp_path / "report.txt").read_text(encoding="utf-8")


@pytest.mark.slow
class TestPdf:
    def test_nothing_is_cut_and_every_number_is_printed(self, compiled, report):
        log, text = compiled
        too_wide = [float(found) for found in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert max(too_wide, default=0) < 12
        assert "Missing character" not in log
        printed = Counter(NUMBER.findall(text.replace("−", "-")))
        for table in (block for block in report.blocks() if isinstance(block, Table)):
            cells = " ".join(cell.text for row in table.rows for cell in row)
            for number, count in Counter(NUMBER.findall(cells)).items():
                assert printed[number] >= count, f"{number} of {table.id}"

    def test_hostile_names_are_printed_as_they_are(self, compiled):
        text = re.sub(r"[’‘]", "'", compiled[1])
        for name in ("<script>alert('x')</script>", "a & b", "100%", "$x$", "#1", "[1pt]", "=1+1"):
            assert text.count(name) >= 3, name
        assert "\\input{/etc/passwd}" in text
        assert "[U+65E5][U+672C][U+8A9E] [U+1F600]" in text
        assert "root:" not in text
