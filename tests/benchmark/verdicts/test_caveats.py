import math

import pytest

from benchmark.verdicts.caveats import caveat

OVER_BOTH = "Obuchowski–Rockette, bootstrap"


class TestCaveat:
    @pytest.mark.parametrize("metric", ["deodds", "dpd", "es_auc"])
    @pytest.mark.parametrize("test", [OVER_BOTH, "bootstrap"])
    def test_gaps_over_patients_are_drawn_to_zero(self, metric, test):
        text = caveat(test, 10, 15, metric)
        assert "smallest group here: 15" in text
        assert "looks smaller than it is" in text

    def test_an_unknown_group_has_no_size(self):
        assert "nan" not in caveat(OVER_BOTH, 10, math.nan, "dpd")

    @pytest.mark.parametrize(("n", "covers"), [(2, "92%"), (3, "94%")])
    def test_few_seeds_cover_too_little_over_patients(self, n, covers):
        text = caveat("Obuchowski–Rockette, DeLong", n, 300, "auc")
        assert text == (
            f"with {n} seeds a 95% interval over seeds and patients covers about {covers}"
        )

    @pytest.mark.parametrize(
        ("test", "n", "metric"),
        [
            ("Obuchowski–Rockette, DeLong", 5, "auc"),
            (OVER_BOTH, 5, "accuracy"),
            ("paired t", 2, "deodds"),
            ("DeLong", 1, "auc"),
        ],
    )
    def test_nothing_is_said_of_what_was_found_to_cover(self, test, n, metric):
        assert caveat(test, n, 15, metric) == ""
