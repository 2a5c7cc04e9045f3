from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.calibration import truth
from benchmark.calibration.rates import rates_of
from benchmark.calibration.simulate import Law, Patients, Trainings, draw_scores
from benchmark.calibration.stored import write_runs
from benchmark.calibration.study import (
    EFFECTS,
    MARGIN,
    NONE,
    SIZES,
    Setting,
    judged_grid,
    run_study,
    settings_of,
)
from benchmark.calibration.truth import METRICS, observed
from benchmark.comparison import compare

SMALL = Setting("seeds", SIZES[0], MARGIN, 3)


class TestWriteRuns:
    def test_compare_finds_the_differences_that_were_simulated(self, tmp_path: Path):
        rng, law = np.random.default_rng(0), Law()
        patients = {"val": Patients.draw((9, 9), 2, law, rng)}
        patients["test"] = Patients.draw((20, 50), 2, law, rng)
        trainings = Trainings.draw(EFFECTS[MARGIN], 3, 2, law, rng)
        scores = {name: draw_scores(trainings, p, law, rng) for name, p in patients.items()}
        write_runs(tmp_path, ("arm", "baseline"), patients, scores)
        found = compare(
            tmp_path, baseline="baseline", primary=METRICS, margin=dict.fromkeys(METRICS, 0.1)
        ).verdicts.set_index("metric")
        arm, baseline = (observed(patients["test"], score) for score in scores["test"])
        for metric in METRICS:
            expected = (arm[metric] - baseline[metric]).mean()
            assert found.loc[metric, "difference"] == pytest.approx(expected)


class TestJudgedGrid:
    def test_the_same_seed_gives_the_same_table(self):
        first, again, other = (judged_grid(SMALL, 2, seed) for seed in (0, 0, 1))
        pd.testing.assert_frame_equal(first, again)
        assert (first["difference"] != other["difference"]).all()

    def test_every_second_grid_has_the_methods_swapped_on_the_same_patients(self):
        one, other = judged_grid(SMALL, 0, 0), judged_grid(SMALL, 1, 0)
        assert one["truth"].tolist() == (-other["truth"]).tolist()

    @pytest.mark.parametrize("scope", ["seeds", "patients"])
    def test_the_effect_is_exactly_the_margin(self, scope, monkeypatch):
        monkeypatch.setattr(truth, "TEST_SETS", 20)  # of seed 99, which no other test has
        found = judged_grid(Setting(scope, SIZES[1], MARGIN, 2), 0, 99).set_index("metric")
        assert found["truth"].abs().tolist() == found["margin"].tolist()
        assert (found.loc[["auc", "dpd", "deodds"], "truth"] < 0).all()

    def test_without_an_effect_the_margin_stays(self):
        found = judged_grid(Setting("patients", SIZES[1], NONE, 2), 0, 0)
        assert found["truth"].tolist() == [0] * 4
        assert (found["margin"] > 0.005).all()


class TestRunStudy:
    def test_covers_every_cell_and_tells_how_far_it_is(self):
        told = []
        study = run_study([1, 2], [2, 3], ["seeds"], progress=lambda *said: told.append(said))
        claims = pd.concat(study)
        counts = claims.groupby(["effect", "n_seeds"])["grid"].nunique().to_dict()
        assert counts == {(NONE, 2): 1, (NONE, 3): 2, (MARGIN, 2): 1, (MARGIN, 3): 2}
        assert [done for _, done, _ in told] == [1, 2, 3, 4, 5, 6]
        assert {total for _, _, total in told} == {6}

    def test_scope_patients_has_groups_of_both_sizes(self):
        found = settings_of(["seeds", "patients"], [3])
        assert [(s.scope, s.sizes[0]) for s in found if s.effect == NONE] == [
            ("seeds", 15),
            ("patients", 15),
            ("patients", 60),
        ]


@pytest.fixture(scope="module")
def rates():
    return rates_of(pd.concat(run_study([60], [3], ["seeds", "patients"])))


@pytest.mark.slow
@pytest.mark.timeout(1200)
class TestCalibration:
    """Bounds are three standard errors above nominal: a rate twice as large is outside."""

    @pytest.mark.parametrize(
        ("quantity", "bound"),
        [("false difference", 0.09), ("wrong side", 0.05), ("gain at the cost of AUC", 0.09)],
    )
    def test_errors_are_at_most_nominal(self, rates, quantity, bound):
        part = rates[rates["quantity"] == quantity]
        assert part["n"].sum() >= 150
        assert np.average(part["rate"], weights=part["n"]) <= bound

    @pytest.mark.parametrize("effect", [NONE, MARGIN])
    def test_families_over_seeds_err_at_most_as_often_as_they_say(self, rates, effect):
        part = rates[(rates["metric"] == "any of the family") & (rates["effect"] == effect)]
        assert part.loc[part["scope"] == "seeds", "rate"].item() <= 0.13

    def test_intervals_cover(self, rates):
        aim = rates["scope"].map({"seeds": "coverage", "patients": "coverage of the measured"})
        part = rates[(rates["quantity"] == aim)]
        assert np.average(part["rate"], weights=part["n"]) >= 0.92
