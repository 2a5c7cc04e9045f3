import math

import pytest

from benchmark.verify.regression.deviation import deviation


class TestDeviation:
    def test_of_a_term_is_relative_to_its_mean_size(self):
        found = deviation("terms", {"clip": [1.0, 3.0]}, {"clip": [1.0, 3.01]})
        assert found.largest == pytest.approx(0.01 / 2)
        assert found.where == "step 2 of clip"
        assert (found.before, found.after) == (3.0, 3.01)

    def test_of_a_score_is_absolute(self):
        assert deviation("scores", {"test": [0.5]}, {"test": [0.25]}).largest == 0.25

    def test_of_a_term_that_is_zero_throughout_is_absolute(self):
        assert deviation("terms", {"gap": [0.0, 0.0]}, {"gap": [0.0, 0.5]}).largest == 0.5

    def test_names_the_first_step_above_the_tolerance_and_not_the_largest(self):
        recorded = {"clip": [1.0, 1.0, 1.0], "gap": [1.0, 1.0, 1.0]}
        found = {"clip": [1.0, 1.0, 5.0], "gap": [1.0, 1.1, 1.0]}
        moved = deviation("terms", recorded, found, 0.01)
        assert moved.where == "step 2 of gap"
        assert moved.largest == 4.0

    @pytest.mark.parametrize(
        "found",
        [
            {"clip": [1.0]},
            {"clip": [1.0, 2.0, 3.0]},
            {"clip": [1.0, math.nan]},
            {"clip": [1.0, math.inf]},
            {"clip": [1.0, 2.0], "gap": [0.0]},
            {},
        ],
        ids=["fewer steps", "more steps", "not a number", "infinite", "new term", "no term"],
    )
    def test_is_infinite_where_one_side_has_no_number(self, found):
        assert deviation("terms", {"clip": [1.0, 2.0]}, found).largest == math.inf

    def test_is_zero_where_both_sides_are_not_estimable(self):
        values = {"race/ece": [0.2, math.nan]}
        assert deviation("metrics", values, values).largest == 0.0

    def test_of_nothing_is_zero(self):
        assert deviation("terms", {}, {}).largest == 0.0
