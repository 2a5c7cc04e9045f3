from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.calibration import truth
from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores
from benchmark.calibration.truth import (
    METRICS,
    expected,
    in_population,
    observed,
    on_patients,
    on_test_sets,
)
from benchmark.metrics.evaluate import evaluate

LAW = Law()
STILL = replace(LAW, shared=0.0, training=0.0, group=0.0)
LOWER, HIGHER = Method(1.2, 0.4), Method(1.4, 0.8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestExpected:
    def test_auc_is_binormal(self, rng):
        trainings = Trainings.draw((Method(1.3, 0.0),), 1, 3, STILL, rng)
        found = expected(trainings, (10, 20, 30), STILL)
        phi = norm.cdf(1.3 / STILL.within / np.sqrt(2))
        assert found["auc"].item() == pytest.approx(phi)
        assert found["es_auc"].item() == pytest.approx(phi)  # groups are alike

    def test_gaps_are_differences_of_normal_rates(self, rng):
        trainings = Trainings.draw((Method(1.0, 0.5),), 1, 2, STILL, rng)
        found = expected(trainings, (10, 30), STILL)
        shifted = norm.cdf(np.array([1.0, 0.0]) / STILL.within)
        plain = norm.cdf(np.array([0.5, -0.5]) / STILL.within)
        assert found["dpd"].item() == pytest.approx(shifted.mean() - plain.mean())
        assert found["deodds"].item() == pytest.approx((shifted - plain).max())

    def test_is_what_very_many_patients_show(self, rng):
        sizes = (60_000, 80_000, 100_000)
        trainings = Trainings.draw((HIGHER,), 1, 3, LAW, rng)
        patients = Patients.draw(sizes, 1, LAW, rng)
        shown = observed(patients, draw_scores(trainings, patients, LAW, rng)[0])
        for metric, value in expected(trainings, sizes, LAW).items():
            assert shown[metric][0] == pytest.approx(value.item(), abs=0.008), metric


class TestObserved:
    @pytest.mark.parametrize("one_class", [False, True])
    def test_agrees_with_the_metrics_of_compare(self, one_class, rng):
        patients = Patients.draw((8, 30, 40), 1, LAW, rng)
        if one_class:
            patients = replace(patients, label=patients.label & (patients.code > 0))
        trainings = Trainings.draw((HIGHER,), 4, 3, LAW, rng)
        score = draw_scores(trainings, patients, LAW, rng)[0]
        found = observed(patients, score)
        for row, values in enumerate(score):
            rows = evaluate(patients.label, values, patients.code, "abc", permutations=1)
            by_name = {m.metric: m.value for m in rows if m.group == ""}
            for metric in METRICS:
                assert found[metric][row] == pytest.approx(by_name[metric], nan_ok=True)


class TestTrueDifferences:
    def test_of_a_method_and_itself_are_zero(self, rng, monkeypatch):
        monkeypatch.setattr(truth, "TEST_SETS", 400)
        patients = Patients.draw((15, 45, 240), 2, replace(LAW, method_patient=0.0), rng)
        for found in (
            on_patients((LOWER, LOWER), patients, replace(LAW, method_patient=0.0), rng),
            in_population((LOWER, LOWER), (15, 45, 240), LAW, rng),
            on_test_sets((LOWER, LOWER), (15, 45, 240), LAW, rng),
        ):
            assert list(found.values()) == pytest.approx([0] * 4, abs=0.03)

    def test_swap_their_sign_with_the_methods(self, rng):
        one, other = (
            in_population(methods, (60, 90, 150), LAW, rng)
            for methods in ((LOWER, HIGHER), (HIGHER, LOWER))
        )
        for metric in METRICS:
            assert one[metric] == pytest.approx(-other[metric], abs=0.005)
            assert one[metric] < -0.005

    def test_of_gaps_are_drawn_to_zero_by_small_groups(self, rng, monkeypatch):
        monkeypatch.setattr(truth, "TEST_SETS", 1000)
        truly = in_population((LOWER, HIGHER), (15, 45, 240), LAW, rng)
        shown = on_test_sets((LOWER, HIGHER), (15, 45, 240), LAW, rng)
        assert abs(shown["deodds"]) < 0.75 * abs(truly["deodds"])
        assert shown["auc"] == pytest.approx(truly["auc"], abs=0.005)
