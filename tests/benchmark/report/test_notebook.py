from html.parser import HTMLParser

import pytest

from benchmark.comparison import compare
from benchmark.errors import FairbenchError


@pytest.fixture
def found(tmp_path, write_scored):
    groups = {"race": ("<script>alert(1)</script>", "a & b", '"c"')}
    for seed in (0, 1, 2):
        write_scored("clip-ft", seed, groups=groups)
        write_scored("<b>fair", seed, trained_on=("race",), groups=groups)
    return compare(tmp_path / "results")


class TestDisplayed:
    def test_shows_answers_and_the_verdict_table_with_names_as_text(self, found):
        seen = []
        tags = []
        parser = HTMLParser()
        parser.handle_data = seen.append
        parser.handle_starttag = lambda tag, _: tags.append(tag)
        parser.feed(found._repr_html_())
        text = "".join(seen)
        for answer in found.report.answers:
            assert answer.text in text
        assert "<b>fair" in text
        assert not {"script", "b"} & set(tags)
        assert tags.count("tr") == 1 + len(found.verdicts)

    def test_plots_the_figure_whose_id_begins_so(self, found):
        plot = found.plot("forest")
        assert plot.figure.id.startswith("forest")
        shown = plot._repr_html_()
        assert "<svg" in shown
        assert "<script" not in shown

    def test_a_plot_is_saved_in_the_format_of_its_name(self, found, tmp_path):
        found.plot("forest").save(tmp_path / "f.pdf")
        assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")

    def test_an_unknown_figure_is_named(self, found):
        with pytest.raises(FairbenchError, match="unknown figure 'forrest'"):
            found.plot("forrest")
