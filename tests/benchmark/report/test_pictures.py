import re
import time
from functools import partial

import pytest

from benchmark import keep_ahead
from benchmark.report import pictures
from benchmark.report.drawing import inline_svg
from benchmark.report.figures.ranks import Ranks, rank_diagram
from benchmark.report.model import Column, Figure, Table
from benchmark.report.pictures import INLINE, drawing, inline_pictures, picture

TABLE = Table("behind", "Numbers.", (Column("x", "x"),), ())


def figure(name, draw=None):
    found = Ranks(["a", f"é {name}", "c"], [1.25, 2.0, 2.75], 0.5)
    return Figure(name, f"Of {name}", "What to see.", draw or partial(rank_diagram, found), TABLE)


def without_hashes(svg):
    """Return an SVG whose ids leave out the hash of a position: its last bit is the layout's."""
    return re.sub(r"-p[0-9a-f]{10}", "-p", svg)


@pytest.fixture
def figures():
    return [figure(f"f{n}") for n in range(4)]


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(pictures, "DRAWINGS_A_PROCESS", 2)
    monkeypatch.setattr(keep_ahead, "usable_cores", lambda: 2)


@pytest.fixture
def no_process(monkeypatch):
    monkeypatch.setattr(keep_ahead, "_started", lambda *_: pytest.fail("a process was started"))


class TestDrawing:
    @pytest.mark.usefixtures("two_processes")
    def test_what_another_process_draws_is_what_this_one_draws(self, figures, tmp_path):
        expected = {f.id: without_hashes(inline_svg(f)) for f in figures}
        with drawing(figures, [INLINE], tmp_path):
            end = time.monotonic() + 60
            while not all(picture(tmp_path, f, INLINE).exists() for f in figures):
                assert time.monotonic() < end, "waited in vain"
                time.sleep(0.05)
        found = inline_pictures(tmp_path, figures)
        assert {name: without_hashes(svg) for name, svg in found.items()} == expected

    @pytest.mark.usefixtures("no_process")
    def test_few_are_drawn_here_in_every_form_and_nothing_else_is_left(self, figures, tmp_path):
        with drawing(figures[:2], [INLINE, "svg", "png"], tmp_path):
            pass
        names = {f"{f.id}.{form}" for f in figures[:2] for form in (INLINE, "svg", "png")}
        assert {path.name for path in tmp_path.iterdir()} == names
        assert inline_pictures(tmp_path, figures[:1])["f0"] == inline_svg(figures[0])

    @pytest.mark.usefixtures("two_processes", "no_process")
    def test_a_figure_that_only_this_process_has_is_drawn_here(self, figures, tmp_path):
        local = [figure(f.id, lambda f=f: f.draw()) for f in figures]
        with drawing(local, [INLINE], tmp_path):
            pass
        assert inline_pictures(tmp_path, local)["f1"] == inline_svg(figures[1])

    @pytest.mark.usefixtures("two_processes", "no_process")
    def test_settings_of_this_process_are_drawn_by_and_start_no_other(self, figures, tmp_path):
        import matplotlib as mpl

        with mpl.rc_context({"lines.markeredgecolor": "#123456"}):
            with drawing(figures, [INLINE], tmp_path):
                pass
            assert inline_pictures(tmp_path, figures)["f0"] == inline_svg(figures[0])
        assert "#123456" in inline_pictures(tmp_path, figures)["f0"]

    @pytest.mark.usefixtures("two_processes")
    def test_what_another_process_left_undone_is_drawn_here(self, figures, tmp_path, monkeypatch):
        script = "import pathlib, sys; [(pathlib.Path(sys.argv[1]) / n).touch() for n in '0123']"
        started, begin = [], keep_ahead._started
        monkeypatch.setattr(keep_ahead, "_SCRIPT", script)
        monkeypatch.setattr(
            keep_ahead, "_started", lambda *a: started.append(begin(*a)) or started[-1]
        )
        with drawing(figures, [INLINE], tmp_path):
            assert started[0].wait(60) == 0
        assert len(inline_pictures(tmp_path, figures)) == 4
