import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from benchmark.stats.mcnemar import mcnemar_test


def samples(both, only_a, only_b, neither):
    pairs = [(1, 1)] * both + [(1, 0)] * only_a + [(0, 1)] * only_b + [(0, 0)] * neither
    return np.array(pairs).T if pairs else np.zeros((2, 0), dtype=int)


counts = st.integers(0, 30)


class TestMcNemarTest:
    @given(counts, counts, counts)
    def test_agrees_with_statsmodels_exact(self, both, only_a, only_b):
        found = mcnemar_test(*samples(both, only_a, only_b, 3))
        other = mcnemar([[both, only_a], [only_b, 3]], exact=True)
        assert found.p == pytest.approx(min(other.pvalue, 1))

    @given(counts, counts)
    def test_swapping_the_methods_mirrors_everything(self, only_a, only_b):
        there, back = (
            mcnemar_test(*samples(5, only_a, only_b, 5)),
            mcnemar_test(*samples(5, only_b, only_a, 5)),
        )
        assert (there.p, there.p_greater) == pytest.approx((back.p, back.p_less))
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))

    def test_mid_p_of_a_published_table(self):
        # Fagerland et al. 2013, table 1: 1 and 7 discordant of 21.
        exact, mid = (mcnemar_test(*samples(1, 1, 7, 12), kind=kind) for kind in ("exact", "mid-p"))
        assert exact.p == pytest.approx(0.0703, abs=1e-4)
        assert mid.p == pytest.approx(0.0391, abs=1e-4)

    def test_no_discordant_sample_has_p_one_and_a_note(self):
        for kind in ("exact", "mid-p"):
            found = mcnemar_test(*samples(4, 0, 0, 4), kind=kind)
            assert (found.estimate, found.p) == (0, 1)
            assert found.low < 0 < found.high
        assert found.note == "both are right on the same samples"

    def test_no_samples_is_a_reason(self):
        found = mcnemar_test([], [])
        assert np.isnan(found.p)
        assert found.reason == "no samples"

    def test_scores_are_refused(self):
        with pytest.raises(ValueError, match="0 and 1"):
            mcnemar_test([0.3, 0.7], [0, 1])

    def test_other_samples_are_refused(self):
        with pytest.raises(ValueError, match="1 and 2 samples"):
            mcnemar_test([1], [0, 1])

    def test_exact_errs_at_most_at_its_level_and_its_interval_covers(self):
        rng = np.random.default_rng(0)
        outcomes = rng.random((2000, 40))
        found = [
            mcnemar_test(row < 0.8, (row < 0.7) | (row > 0.9)) for row in outcomes
        ]  # each alone right on 10%
        assert np.mean([f.p < 0.05 for f in found]) <= 0.05
        assert np.mean([f.low <= 0 <= f.high for f in found]) > 0.93
