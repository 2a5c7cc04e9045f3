from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.dataset import SPLITS
from benchmark.data.synthetic import make_config
from benchmark.data.synthetic.demographics import code_of, quotas
from benchmark.data.synthetic.samples import draw_split


class TestQuotas:
    @given(st.lists(st.floats(0.001, 1), min_size=1, max_size=7), st.integers(0, 5000))
    def test_they_add_up_and_are_within_one_of_the_exact_share(self, shares, total):
        counts = quotas(shares, total)
        exact = np.array(shares) * total / sum(shares)
        assert sum(counts) == total
        assert np.all(np.abs(counts - exact) < 1 + 1e-6)

    def test_the_largest_remainder_gets_the_sample_that_is_left(self):
        assert quotas([0.10, 0.28, 0.62], 10) == [1, 3, 6]

    def test_rounding_noise_does_not_decide_a_tie(self):
        assert quotas([0.1, 0.2, 0.7], 30) == [3, 6, 21]
        assert quotas([0.5, 0.5], 7) == [4, 3]


@pytest.fixture(scope="module")
def paper():
    """All three splits of the paper's size, joined: 10,000 patients."""
    config = make_config("paper")
    return [draw_split(config, split) for split in SPLITS]


def counts_of(splits, attribute):
    return Counter(np.concatenate([split.groups[attribute] for split in splits]).tolist())


class TestDrawDemographics:
    def test_the_paper_size_has_the_papers_counts_by_race(self, paper):
        # Section 3.3 of Luo et al., CVPR 2024, in numbers of samples.
        assert counts_of(paper, "race") == {"asian": 819, "black": 1491, "white": 7690}

    def test_the_paper_size_has_the_papers_other_percentages(self, paper):
        assert counts_of(paper, "gender")["female"] == 5630
        assert counts_of(paper, "ethnicity") == {
            "non-hispanic": 9060,
            "hispanic": 400,
            "unknown": 540,
        }
        assert counts_of(paper, "language") == {
            "english": 9250,
            "spanish": 170,
            "other": 80,
            "unknown": 500,
        }
        assert counts_of(paper, "maritalstatus")["married or partnered"] == 5740

    def test_as_many_validation_samples_are_fully_known_as_in_the_release(self, paper):
        # 940 of 1,000 remain there when unknown ethnicities and languages are dropped.
        groups = paper[1].groups
        known = (groups["ethnicity"] != "unknown") & (groups["language"] != "unknown")
        assert known.sum() == 940

    def test_ages_have_the_papers_mean_and_spread(self, paper):
        age = np.concatenate([split.age for split in paper])
        assert age.mean() == pytest.approx(60.9, abs=0.2)
        assert age.std() == pytest.approx(16.2, abs=0.3)
        assert age.min() >= 10
        assert age.max() <= 98

    def test_the_default_test_split_holds_98_asian_patients_half_of_them_with_glaucoma(self):
        split = draw_split(make_config(), "test")
        asian = split.groups["race"] == "asian"
        assert asian.sum() == 98
        assert split.glaucoma[asian].sum() == 49

    def test_the_prevalence_of_a_group_is_exact_and_moves_no_other_group(self):
        config = make_config(knobs={"gender/male.prevalence": 0.25})
        split = draw_split(config, "test")
        male = split.groups["gender"] == "male"
        assert split.glaucoma[male].sum() == round(0.25 * male.sum())
        assert split.glaucoma[~male].sum() == round(0.5 * (~male).sum())

    def test_the_size_of_a_group_is_exact(self):
        split = draw_split(make_config(knobs={"race/black.share": 0.4}), "val")
        assert (split.groups["race"] == "black").sum() == 120

    def test_neither_age_nor_gender_tells_the_label(self, paper):
        label = paper[0].glaucoma == 1
        age, male = paper[0].age, paper[0].groups["gender"] == "male"
        assert abs(age[label].mean() - age[~label].mean()) < 4 * 16.2 * np.sqrt(2 / 3500)
        assert abs(male[label].mean() - male[~label].mean()) < 4 * 0.5 * np.sqrt(2 / 3500)


class TestCodeOf:
    def test_codes_are_those_of_the_release(self):
        assert [code_of("race", group) for group in ("asian", "black", "white")] == [0, 1, 2]
        assert [code_of("gender", group) for group in ("female", "male")] == [0, 1]
        assert [code_of("ethnicity", g) for g in ("non-hispanic", "hispanic", "unknown")] == [
            *(0, 1, -1)
        ]
        assert [code_of("language", g) for g in ("english", "spanish", "other", "unknown")] == [
            *(0, 1, 2, -1)
        ]
        marital = ("married or partnered", "single", "divorced", "widowed", "legally separated")
        assert [code_of("maritalstatus", group) for group in marital] == [0, 1, 2, 3, 4]
