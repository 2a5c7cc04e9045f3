from math import sqrt

import numpy as np
import pandas as pd
import pytest

from benchmark.calibration.rates import FAMILY, rates_of
from benchmark.calibration.table import study_lines


def claim(grid=0, metric="auc", effect="none", truth=0.0, verdict="undecided", **values):
    return {
        "scope": "seeds",
        "smallest_group": 15,
        "effect": effect,
        "n_seeds": 3,
        "grid": grid,
        "metric": metric,
        "direction": "up" if metric == "auc" else "down",
        "truth": truth,
        "measured": truth,
        "verdict": verdict,
        "difference": 0.01,
        "low": -0.1,
        "high": 0.1,
        "p": 0.5,
        "p_equivalence": 0.5,
        **values,
    }


@pytest.fixture
def rate():
    def of(claims, quantity, metric="auc"):
        found = rates_of(pd.DataFrame(claims))
        part = found[(found["quantity"] == quantity) & (found["metric"] == metric)]
        return part["rate"].item()

    return of


class TestRatesOf:
    def test_coverage_is_of_the_intervals_that_there_are(self, rate):
        claims = [
            claim(0),
            claim(1, truth=0.2),
            claim(2, low=np.nan, high=np.nan),
            claim(3, truth=0.1),
        ]
        assert rate(claims, "coverage") == pytest.approx(2 / 3)
        assert rate(claims, "no interval") == 1 / 4

    def test_errors_of_unadjusted_tests(self, rate):
        none = [claim(0, p=0.05), claim(1, p=0.051, p_equivalence=0.01)]
        assert rate(none, "false difference") == 0.5
        assert rate(none, "power, equivalence") == 0.5
        far = {"effect": "margin", "truth": -0.02}
        at_margin = [claim(0, p=0.01, **far), claim(1, p_equivalence=0.01, **far), claim(2, **far)]
        assert rate(at_margin, "wrong side") == pytest.approx(1 / 3)
        assert rate(at_margin, "power, difference") == pytest.approx(1 / 3)
        assert rate(at_margin, "false equivalence") == pytest.approx(1 / 3)

    @pytest.mark.parametrize(
        ("verdict", "effect", "truth", "wrong"),
        [
            ("better", "none", 0.0, 1),
            ("worse, negligible", "none", 0.0, 1),
            ("equivalent", "none", 0.0, 0),
            ("undecided", "margin", 0.02, 0),
            ("better", "margin", 0.02, 0),
            ("worse", "margin", 0.02, 1),
            ("worse", "margin", -0.02, 0),
            ("better, negligible", "margin", 0.02, 1),
            ("equivalent", "margin", -0.02, 1),
            ("not estimable", "margin", -0.02, 0),
        ],
    )
    def test_a_verdict_is_false_if_the_truth_contradicts_it(
        self, rate, verdict, effect, truth, wrong
    ):
        made = [claim(verdict=verdict, effect=effect, truth=truth)]
        assert rate(made, "false verdict") == wrong
        assert rate(made, "false verdict", FAMILY) == wrong

    def test_a_gain_in_fairness_at_the_cost_of_auc_is_false(self, rate):
        def grid(auc):
            return [
                claim(effect="margin", truth=auc),
                claim(metric="dpd", effect="margin", truth=-0.1, verdict="better"),
            ]

        assert rate(grid(-0.02), "gain at the cost of AUC", "dpd") == 1
        assert rate(grid(-0.02), "false verdict", "dpd") == 1
        assert rate(grid(0.02), "false verdict", "dpd") == 0
        assert rate(grid(0.02), "verdict of difference", "dpd") == 1

    def test_a_family_errs_once_however_many_of_its_claims_do(self, rate):
        claims = [
            claim(0, verdict="better"),
            claim(0, "dpd", verdict="worse"),
            claim(1),
            claim(1, "dpd"),
        ]
        assert rate(claims, "false verdict", FAMILY) == 0.5

    def test_marks_what_is_worse_than_nominal_by_two_standard_errors(self):
        def off(k, n=400):
            claims = [claim(i, p=0.01 if i < k else 0.5) for i in range(n)]
            found = rates_of(pd.DataFrame(claims)).set_index("quantity")
            return found.loc["false difference", "off"]

        bound = 400 * (0.05 + 2 * sqrt(0.05 * 0.95 / 400))
        assert not off(int(bound))
        assert off(int(bound) + 1)

    def test_none_of_few_is_not_certain(self):
        found = rates_of(pd.DataFrame([claim(i) for i in range(10)])).set_index("quantity")
        assert found.loc["false difference", "rate"] == 0
        assert found.loc["false difference", "error"] > 0.1


class TestStudyLines:
    def test_a_table_has_a_column_for_each_number_of_seeds(self):
        claims = [claim(i, p=0.01 if i < 4 else 0.5) for i in range(10)]
        claims += [claim(i, n_seeds=5) for i in range(10)]
        text = "\n".join(study_lines(rates_of(pd.DataFrame(claims))))
        assert "### A difference where there is none: p ≤ 0.05, unadjusted" in text
        assert "Should be at most 5%." in text
        assert "| scope | smallest group | truth | metric | 3 seeds | 5 seeds |" in text
        assert "| seeds | 15 | no effect | auc | 40.0 ± 26.5 ▲ | 0.0 ± 18.7 |" in text
