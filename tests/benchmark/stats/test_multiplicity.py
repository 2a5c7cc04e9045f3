from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from benchmark.stats.multiplicity import METHODS, adjust

STATSMODELS = {
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "bonferroni": "bonferroni",
    "bh": "fdr_bh",
    "by": "fdr_by",
}
families = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.04, 1.0])), min_size=1, max_size=9
)
few = settings(max_examples=30)
every_method = pytest.mark.parametrize("method", METHODS)


@every_method
class TestAdjust:
    @settings(max_examples=5)  # statsmodels collects garbage at every call of Holm
    @given(p=families)
    def test_agrees_with_statsmodels(self, method, p):
        expected = multipletests(p, method=STATSMODELS[method])[1]
        assert adjust(p, method) == pytest.approx(expected, rel=1e-12, abs=1e-300)

    @few
    @given(p=families)
    def test_is_between_the_raw_p_and_one(self, method, p):
        adjusted = adjust(p, method)
        assert (adjusted >= np.array(p) * (1 - 1e-12)).all()
        assert (adjusted <= 1).all()

    @few
    @given(p=families, random=st.randoms(use_true_random=False))
    def test_follows_its_hypothesis_whatever_the_order(self, method, p, random):
        order = random.sample(range(len(p)), len(p))
        shuffled = adjust([p[i] for i in order], method)
        assert shuffled.tolist() == adjust(p, method)[order].tolist()

    @few
    @given(p=families)
    def test_a_smaller_p_is_never_adjusted_to_a_larger(self, method, p):
        adjusted = adjust(p, method)[np.argsort(p, kind="stable")]
        assert (np.diff(adjusted) >= 0).all()

    @few
    @given(p=families)
    def test_missing_tests_stay_missing_and_are_not_counted(self, method, p):
        holes = [q for value in p for q in (value, np.nan)]
        adjusted = adjust(holes, method)
        assert np.isnan(adjusted[1::2]).all()
        assert adjusted[::2].tolist() == adjust(p, method).tolist()

    def test_a_family_of_one_is_not_adjusted(self, method):
        assert adjust([0.03], method).tolist() == [0.03]

    def test_an_empty_family_stays_empty(self, method):
        assert adjust([], method).tolist() == []

    def test_nothing_but_missing_tests_stays_so(self, method):
        assert np.isnan(adjust([np.nan, np.nan], method)).all()


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_hommel_is_the_closure_of_simes_test(p):
    def simes(subset):
        ordered = np.sort([p[i] for i in subset])
        return (ordered * len(ordered) / np.arange(1, len(ordered) + 1)).min()

    indices = range(len(p))
    subsets = [s for size in range(1, len(p) + 1) for s in combinations(indices, size)]
    closed = [max(simes(s) for s in subsets if i in s) for i in indices]
    assert adjust(p, "hommel") == pytest.approx(np.minimum(closed, 1), rel=1e-12)


@given(families)
def test_stronger_assumptions_never_raise_p(p):
    bonferroni, holm, hochberg, hommel, bh, by = (
        adjust(p, m) for m in ("bonferroni", "holm", "hochberg", "hommel", "bh", "by")
    )
    for weaker, stronger in ((bonferroni, holm), (holm, hochberg), (hochberg, hommel), (by, bh)):
        assert (stronger <= weaker * (1 + 1e-12)).all()


class TestErrors:
    def test_an_unknown_correction_is_named(self):
        with pytest.raises(ValueError, match="'sidak'; known: holm"):
            adjust([0.1], "sidak")

    @pytest.mark.parametrize("p", [[-0.1], [1.1], [np.inf]])
    def test_what_is_no_probability_is_named(self, p):
        with pytest.raises(ValueError, match=str(p[0])):
            adjust(p)

    def test_a_table_is_an_error(self):
        with pytest.raises(ValueError, match=r"shape \(1, 1\)"):
            adjust([[0.1]])
