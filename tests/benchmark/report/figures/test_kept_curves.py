from dataclasses import replace

import numpy as np
import pytest

from benchmark import kept_values
from benchmark.kept_values import kept_file
from benchmark.report.figures import kept_curves as module
from benchmark.report.figures.kept_curves import FOLDER, kept_curves, lacks_curves
from benchmark.report.figures.stored import curves_of
from benchmark.results import RunStore

ASKED = (["race", "gender"], "youden", {"race": 2, "gender": 1})


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """A run of two epochs, in a results folder without a cache."""
    found = next(run for run in RunStore(trained).read() if run.config["trains"])
    path = tmp_path_factory.mktemp("results") / "runs" / found.id
    path.mkdir(parents=True)
    for file in found.path.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return replace(found, path=path)


@pytest.fixture
def computed(monkeypatch):
    """Return what was asked of `curves_of`, one entry a call."""
    calls = []
    monkeypatch.setattr(
        module, "curves_of", lambda *asked: calls.append(asked[1:]) or curves_of(*asked)
    )
    return calls


def bits(curves):
    """Return curves as values in which every bit counts, types included."""
    shapes = {
        of: [None if a is None else (a.dtype.str, a.tobytes()) for a in vars(shape).values()]
        for of, shape in curves.shapes.items()
    }
    metrics = {of: (row.dtype.str, row.tobytes()) for of, row in curves.metrics.items()}
    return curves.epochs.dtype.str, curves.epochs.tolist(), metrics, shapes


class TestKeptCurves:
    def test_are_those_computed_to_the_last_bit_and_computed_once(self, run, computed):
        expected = curves_of(run, *ASKED)
        first, again = kept_curves(run, *ASKED), kept_curves(run, *ASKED)
        assert bits(first) == bits(again) == bits(expected)
        assert len(computed) == 1
        assert any(np.isnan(row).any() for row in expected.metrics.values()) or expected.shapes

    @pytest.mark.parametrize(
        "other",
        [
            (["race"], "youden", {"race": 2}),
            (["race", "gender"], "0.5", {"race": 2, "gender": 1}),
            (["race", "gender"], "youden", {"race": 1, "gender": 1}),
        ],
    )
    def test_something_else_asked_is_computed(self, run, computed, other):
        kept_curves(run, *ASKED)
        del computed[:]
        assert bits(kept_curves(run, *other)) == bits(curves_of(run, *other))
        assert computed == [other]

    def test_are_lacking_until_they_are_kept_and_for_what_else_is_asked(self, run, computed):
        kept_file(run, FOLDER).unlink(missing_ok=True)
        assert lacks_curves(run, *ASKED)
        kept_curves(run, *ASKED)
        assert not lacks_curves(run, *ASKED)
        assert lacks_curves(run, ["race"], *ASKED[1:])
        assert lacks_curves(run, *ASKED[:2], {"race": 1, "gender": 1})

    def test_other_code_s_are_lacking(self, run, monkeypatch):
        kept_curves(run, *ASKED)
        monkeypatch.setattr(kept_values, "code_digest", lambda: b"other")
        assert lacks_curves(run, *ASKED)

    def test_other_predictions_are_computed_again(self, run, computed, edit_predictions):
        before = kept_curves(run, *ASKED)
        edit_predictions(run.path, lambda table: table.assign(score=1 - table["score"]))
        after = kept_curves(run, *ASKED)
        assert bits(after) == bits(curves_of(run, *ASKED))
        assert bits(after) != bits(before)

    def test_a_damaged_file_is_one_that_was_never_made(self, run):
        expected = bits(kept_curves(run, *ASKED))
        kept_file(run, FOLDER).write_bytes(b"damaged")
        assert bits(kept_curves(run, *ASKED)) == expected
