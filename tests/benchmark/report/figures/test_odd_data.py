"""Figures of data that leave nothing to see."""

import numpy as np
import pytest

import benchmark
from benchmark.calibration.simulate import Patients
from benchmark.calibration.stored import write_runs
from benchmark.report.drawing import inline_svg
from benchmark.report.figures import comparison_figures
from benchmark.report.figures.forest import limit_of

N, METHODS = 40, 2


def draw(folder, scores_of, *, seeds=2, epochs=2, groups=2, one_class=False):
    """Return the drawings of runs whose similarities, and so whose distances, are all 0."""
    code = np.arange(N) % groups
    label = np.arange(N) % 4 < 2
    label[code == 0] |= one_class
    patients = {
        name: Patients(label=label, code=code, ease=np.zeros(N)) for name in ("val", "test")
    }
    shape = (METHODS, seeds, epochs, N)
    scores = {
        name: np.broadcast_to(scores_of(label, shape), shape).astype(np.float32)
        for name in patients
    }
    write_runs(folder, ["baseline", "method"], patients, scores)
    figures = comparison_figures(benchmark.compare(folder, baseline="baseline"))
    return {figure.id: inline_svg(figure) for found in figures.values() for figure in found}


@pytest.mark.filterwarnings("error")
class TestNoDataStopAReport:
    def test_distances_of_zero_have_no_place_on_a_logarithmic_axis_and_that_is_said(self, tmp_path):
        drawn = draw(tmp_path, lambda label, shape: np.random.default_rng(0).random(shape))
        (distance,) = (svg for id, svg in drawn.items() if id.startswith("distance"))
        assert "0 in every run, which a logarithmic axis cannot show" in distance

    def test_scores_that_are_one_constant_of_one_seed(self, tmp_path):
        assert draw(tmp_path, lambda label, shape: 1.0, seeds=1)

    def test_scores_that_are_the_label_of_one_epoch(self, tmp_path):
        assert draw(tmp_path, lambda label, shape: label, epochs=1)

    def test_a_group_of_one_class(self, tmp_path):
        drawn = draw(tmp_path, lambda label, shape: np.linspace(0, 1, N), seeds=1, one_class=True)
        assert any("not estimable" in svg for svg in drawn.values())

    def test_one_group(self, tmp_path):
        assert draw(tmp_path, lambda label, shape: np.linspace(0, 1, N), groups=1)

    def test_differences_and_a_margin_of_zero_leave_the_forest_an_axis(self):
        row = {"difference": 0.0, "low": 0.0, "high": 0.0}
        assert limit_of([row], 0.0) > 0
