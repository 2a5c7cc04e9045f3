import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.sequential.calibration import (
    boundary_error,
    family_errors,
    pocock_boundary,
)
from benchmark.sequential.rule import holm, level_of_look, sequential_verdicts
from benchmark.stats.equivalence import tost_paired
from benchmark.stats.multiplicity import adjust
from benchmark.stats.paired import paired_t
from benchmark.stats.verdict import verdict

LOOKS = (4, 8, 12)


def one_family(differences, margins, looks, alpha):
    """Return each claim's verdict and look, by the functions that `compare` uses."""
    decided = {}
    zero = np.zeros(looks[-1])
    for position, n in enumerate(looks):
        tests = [paired_t(row[:n], zero[:n]) for row in differences]
        within = [
            tost_paired(row[:n], zero[:n], m) for row, m in zip(differences, margins, strict=True)
        ]
        p = adjust([p for t, e in zip(tests, within, strict=True) for p in (t.p, e.p)], "holm")
        for claim, test in enumerate(tests):
            found = verdict(test.estimate, p[2 * claim], p[2 * claim + 1], alpha / len(looks))
            if found != "undecided":
                decided.setdefault(claim, (position, str(found)))
    return decided


class TestSequentialVerdicts:
    def test_agrees_with_the_functions_of_compare_look_by_look(self):
        rng = np.random.default_rng(0)
        true, margins = np.array([0.0, 1.5, -1.5, 0.2]), [2.5, 0.5, 2.0, 1.0]
        families = rng.normal(size=(60, 4, 12)).round(6) + true[:, None]
        found = sequential_verdicts(families, margins, LOOKS, alpha=0.2)
        seen = set()
        for i, family in enumerate(families):
            expected = one_family(family, margins, LOOKS, 0.2)
            for claim in range(4):
                look, name = expected.get(claim, (-1, "undecided"))
                flags = found.better[i, claim], found.worse[i, claim], found.equivalent[i, claim]
                assert found.look[i, claim] == look
                assert flags == ("better" in name, "worse" in name, name[-4:] in ("lent", "ible"))
                seen.add((look, name))
        assert len(seen) > 8  # every verdict, at several looks

    def test_a_verdict_stays_whatever_later_seeds_say(self):
        rng = np.random.default_rng(1)
        early = np.concatenate([rng.normal(20, 1, 4), rng.normal(-20, 1, 8)])
        found = sequential_verdicts(early[None, None], [0.5], LOOKS)
        assert (found.look[0, 0], found.better[0, 0], found.worse[0, 0]) == (0, True, False)

    def test_seeds_after_the_last_look_are_not_read(self):
        rng = np.random.default_rng(2)
        values = rng.normal(size=(50, 2, 20))
        one = sequential_verdicts(values, [0.5, 1.0], LOOKS, 0.3)
        two = sequential_verdicts(values[..., :12], [0.5, 1.0], LOOKS, 0.3)
        np.testing.assert_array_equal(one.look, two.look)

    def test_swapping_the_methods_swaps_better_and_worse(self):
        values = np.random.default_rng(3).normal(0.7, 1, size=(80, 3, 12))
        one = sequential_verdicts(values, [0.5] * 3, LOOKS, 0.3)
        two = sequential_verdicts(-values, [0.5] * 3, LOOKS, 0.3)
        np.testing.assert_array_equal(one.better, two.worse)
        np.testing.assert_array_equal(one.equivalent, two.equivalent)
        assert one.better.any()

    @pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5)])
    def test_looks_out_of_order_are_refused(self, looks):
        with pytest.raises(ValueError, match="expected increasing numbers of seeds"):
            sequential_verdicts(np.zeros((1, 1, 20)), [0.5], looks)

    def test_equal_differences_are_refused(self):
        with pytest.raises(ValueError, match="all equal have no t"):
            sequential_verdicts(np.ones((1, 1, 12)), [0.5], LOOKS)

    def test_shapes_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match=r"expected \(S, M, n\), \(M,\) and at most n"):
            sequential_verdicts(np.ones((1, 1, 11)), [0.5], LOOKS)


class TestHolm:
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_agrees_with_the_correction_of_compare(self, p):
        np.testing.assert_array_equal(holm(np.array([p]))[0], adjust(p, "holm"))


class TestErrorRate:
    """Simulated: a rate above alpha by more than four Monte Carlo errors would fail."""

    @pytest.mark.parametrize("claims", [1, 6])
    @pytest.mark.parametrize("margin", [0.5, 3.0])
    def test_of_no_difference_is_kept(self, claims, margin):
        found = family_errors([0.0] * claims, [margin] * claims, simulations=4000)
        assert found.rate + 4 * found.error < 0.05
        assert found.rate > 0  # the simulation can fail

    def test_of_a_difference_as_large_as_the_margin_is_kept(self):
        found = family_errors([1.5] * 2, [1.5] * 2, simulations=4000, alpha=0.1)
        assert 0 < found.rate <= 0.1 + 4 * found.error

    def test_of_one_test_a_look_is_at_most_the_sum_of_its_levels(self):
        # With one look and a margin that is always shown, Holm leaves the t test its full level.
        found = family_errors([0.0], [50.0], looks=(5,), simulations=20_000)
        assert found.rate == pytest.approx(0.05, abs=4 * found.error)

    def test_level_of_a_look_is_alpha_over_the_looks(self):
        assert level_of_look(0.05, (5, 10, 15, 20)) == 0.0125


class TestNormalBoundaries:
    @pytest.mark.parametrize(("looks", "tabulated"), [(2, 2.178), (4, 2.361)])
    def test_agree_with_pococks_table(self, looks, tabulated):
        # Pocock, Biometrika 64(2), 1977, table 1, α = 0.05.
        equal = [10 * (i + 1) for i in range(looks)]
        assert pocock_boundary(equal) == pytest.approx(tabulated, abs=2e-3)

    def test_on_t_at_few_seeds_err_four_times_as_often_as_they_say(self):
        looks = (3, 5, 10, 20)
        found = boundary_error(looks, pocock_boundary(looks), simulations=8000)
        assert found.rate - 4 * found.error > 0.18

    def test_one_look_is_the_t_test(self):
        found = boundary_error((5,), 2.776445, simulations=20_000)  # t of 4 df at 0.975
        assert found.rate == pytest.approx(0.05, abs=4 * found.error)
