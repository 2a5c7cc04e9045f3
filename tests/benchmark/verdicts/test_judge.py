import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from benchmark.verdicts.analysis import analysis_of
from benchmark.verdicts.judge import judge

SEEDS = range(5)
BASE = (0.801, 0.792, 0.799, 0.810, 0.804)
MIRROR = {"better": "worse", "worse": "better"}
several = st.lists(st.floats(0.2, 0.8).map(lambda x: round(x, 4)), min_size=3, max_size=6)
thorough = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def by_seed(values):
    return dict(enumerate(values))


def shifted(differences, base=BASE):
    return by_seed([b + d for b, d in zip(base, differences, strict=True)])


def only(frame, metric="auc"):
    (row,) = frame[frame["metric"] == metric].to_dict("records")
    return row


class TestEveryVerdict:
    @pytest.mark.parametrize(
        ("differences", "expected"),
        [
            ((0.050, 0.052, 0.047, 0.049, 0.051), "better"),
            ((-0.050, -0.052, -0.047, -0.049, -0.051), "worse"),
            ((0.0050, 0.0052, 0.0047, 0.0049, 0.0051), "better, negligible"),
            ((-0.0050, -0.0052, -0.0047, -0.0049, -0.0051), "worse, negligible"),
            ((0.0020, -0.0022, 0.0007, -0.0009, 0.0001), "equivalent"),
            ((0.0500, -0.0400, 0.0300, -0.0200, 0.0400), "undecided"),
            ((0.01, 0.01, 0.01, 0.01, 0.01), "undecided"),
            ((0.0, 0.0, 0.0, 0.0, 0.0), "equivalent"),  # identical: nothing is left to test
        ],
    )
    def test_of_auc(self, judged, differences, expected):
        row = only(judged({"auc": shifted(differences)}, {"auc": by_seed(BASE)}, primary=["auc"]))
        assert row["verdict"] == expected
        assert bool(row["would_decide"]) == (expected == "undecided")

    @pytest.mark.parametrize(
        ("auc", "expected"), [(0.0, "better"), (0.005, "better"), (-0.03, "undecided")]
    )
    def test_an_auc_that_moves_by_the_same_in_every_seed_gives_leave_or_not(
        self, judged, auc, expected
    ):
        gap = shifted((-0.20, -0.19, -0.21, -0.20, -0.22))
        moved = shifted([auc] * 5)
        row = only(
            judged({"auc": moved, "deodds": gap}, {"auc": by_seed(BASE), "deodds": by_seed(BASE)}),
            "deodds",
        )
        assert row["verdict"] == expected

    def test_a_signed_rank_test_never_speaks_against_the_mean(self, judged):
        # Many small gains and one large loss.
        differences = [0.001 * (i + 1) for i in range(15)] + [-0.5]
        base = [0.7] * 16
        row = only(
            judged(
                {"auc": shifted(differences, base)},
                {"auc": by_seed(base)},
                primary=["auc"],
                test="wilcoxon",
            )
        )
        assert row["difference"] < 0
        assert not row["verdict"].startswith(("better", "worse"))
        assert np.isnan(row["p"])

    def test_less_of_a_gap_is_better(self, judged):
        gap = shifted((-0.20, -0.19, -0.21, -0.20, -0.22))
        same = shifted((0.001, -0.001, 0.0, 0.002, -0.001))
        row = only(
            judged({"auc": same, "deodds": gap}, {"auc": by_seed(BASE), "deodds": by_seed(BASE)}),
            "deodds",
        )
        assert row["verdict"] == "better"
        assert row["p_auc_not_inferior"] < 0.05

    @pytest.mark.parametrize("primary", [("auc", "deodds"), ("deodds",)])
    def test_less_of_a_gap_at_the_price_of_auc_is_not_better(self, judged, primary):
        gap = shifted((-0.20, -0.19, -0.21, -0.20, -0.22))
        lost = shifted((-0.10, -0.11, -0.09, -0.10, -0.12))
        theirs = {"auc": by_seed(BASE), "deodds": by_seed(BASE)}
        row = only(judged({"auc": lost, "deodds": gap}, theirs, primary=primary), "deodds")
        assert row["verdict"] == "undecided"
        assert row["p_adjusted"] < 0.05
        assert "AUC is not shown to be within its margin" in row["note"]

    def test_a_metric_without_a_value_is_not_estimable_with_its_reason(self, judged, make_arm):
        nothing = dict.fromkeys(SEEDS, np.nan)
        row = only(judged({"auc": nothing}, {"auc": by_seed(BASE)}, primary=["auc"]))
        assert row["verdict"] == "not estimable"
        assert np.isnan(row["difference"])

    def test_one_pair_is_undecided_and_says_why(self, judged):
        row = only(judged({"auc": {0: 0.9}}, {"auc": {0: 0.8}}, primary=["auc"]))
        assert row["verdict"] == "undecided"
        assert "two seeds" in row["would_decide"]
        assert row["difference"] == pytest.approx(0.1)

    def test_a_confounded_pair_has_no_verdict_and_no_test(self, judged):
        found = judged(
            {"auc": shifted((0.05, 0.052, 0.047, 0.049, 0.051))},
            {"auc": by_seed(BASE)},
            primary=["auc"],
            confounded=["lr"],
        )
        row = only(found)
        assert (row["verdict"], row["confounded"]) == ("", "lr")
        assert "p" not in found

    def test_degenerate_decisions_are_marked_for_gaps_only(self, judged):
        values = {"auc": by_seed(BASE), "deodds": by_seed(BASE)}
        found = judged(values, values, degenerate=True)
        assert only(found, "deodds")["degenerate"] == "new 5 of 5"
        assert only(found, "auc")["degenerate"] == ""


class TestNumbers:
    def test_difference_interval_and_p_are_those_of_statsmodels(self, judged):
        ours = (0.812, 0.790, 0.815, 0.809, 0.821)
        row = only(judged({"auc": by_seed(ours)}, {"auc": by_seed(BASE)}, primary=["auc"]))
        described = DescrStatsW(np.array(ours) - BASE)
        assert (row["low"], row["high"]) == pytest.approx(described.tconfint_mean(), rel=1e-8)
        assert row["p"] == pytest.approx(described.ttest_mean()[1], rel=1e-8)
        p, *_ = ttost_paired(np.array(ours), np.array(BASE), -0.02, 0.02)
        assert row["p_equivalence"] == pytest.approx(p, rel=1e-8)

    def test_equivalence_and_its_interval_agree(self, judged):
        ours = shifted((0.004, -0.002, 0.007, -0.001, 0.003))
        row = only(judged({"auc": ours}, {"auc": by_seed(BASE)}, primary=["auc"]))
        within = row["equivalence_low"] > -0.02 and row["equivalence_high"] < 0.02
        assert within == (row["p_equivalence"] < 0.05)

    def test_the_bayesian_regions_sum_to_one_and_follow_the_direction(self, judged):
        gap = shifted((-0.20, -0.19, -0.21, -0.20, -0.22))
        values = {"auc": by_seed(BASE), "deodds": by_seed(BASE)}
        row = only(judged({"auc": by_seed(BASE), "deodds": gap}, values), "deodds")
        assert row["p_better"] > 0.99
        assert row["p_worse"] + row["p_equivalent"] + row["p_better"] == pytest.approx(1)

    def test_a_margin_below_one_patient_is_said(self, judged):
        values = {"auc": by_seed(BASE), "deodds": by_seed(BASE)}
        row = only(judged(values, values, margin={"deodds": 0.04}), "deodds")
        assert row["resolution"] == pytest.approx(1 / 20)  # the smaller class of the smaller group
        assert "more than the margin" in row["note"]
        wide = only(judged(values, values, margin={"deodds": 0.06}), "deodds")
        assert "margin" not in wide["note"]


class TestFamily:
    @pytest.fixture
    def family(self, make_arm, claims):
        """Three arms with two metrics on two attributes, judged together."""

        def make(**settings):
            rng = np.random.default_rng(0)

            def values():
                names = ("auc", "deodds/race", "deodds/gender")
                return {name: by_seed(rng.normal(0.7, 0.02, 6)) for name in names}

            analysis = analysis_of(**settings)
            both = {"attributes": ("race", "gender")}
            arms = [make_arm(f"arm{i}", values(), **both) for i in range(3)]
            found = claims(arms, make_arm("clip-ft", values(), **both), analysis)
            return judge(found, analysis, [""] * len(found))

        return make

    @pytest.mark.parametrize(
        ("correction", "name"),
        [
            ("holm", "holm"),
            ("hochberg", "simes-hochberg"),
            ("bh", "fdr_bh"),
            ("by", "fdr_by"),
            ("bonferroni", "bonferroni"),
        ],
    )
    def test_one_correction_covers_difference_and_equivalence_together(
        self, family, correction, name
    ):
        found = family(correction=correction)
        raw = found[["p", "p_equivalence"]].to_numpy().ravel()
        expected = multipletests(raw, method=name)[1]
        adjusted = found[["p_adjusted", "p_equivalence_adjusted"]].to_numpy().ravel()
        np.testing.assert_allclose(adjusted, expected, rtol=1e-12)

    def test_without_correction_adjusted_is_raw(self, family):
        found = family(correction="none")
        assert (found["p_adjusted"] == found["p"]).all()

    def test_auc_is_one_hypothesis_for_all_attributes(self, family):
        found = family()
        assert (
            found.groupby("variant")["attribute"].apply(list).tolist()
            == [["all", "race", "gender"]] * 3
        )

    def test_auc_is_judged_by_attribute_where_the_rule_selects_other_epochs(self, make_arm, claims):
        values = {"auc": by_seed(BASE)}
        both = {"attributes": ("race", "gender")}
        arm = make_arm("new", values, epochs={"race": 2}, **both)
        found = claims([arm], make_arm("clip-ft", values, **both), analysis_of(primary=["auc"]))
        assert [claim.attribute for claim in found] == ["race", "gender"]

    def test_tests_that_do_not_exist_are_not_counted(self, judged):
        gap = shifted((0.01, 0.02, 0.0, 0.01, -0.02))
        constant = shifted((0.01,) * 5)
        theirs = {"auc": by_seed(BASE), "deodds": by_seed(BASE)}
        found = judged({"auc": constant, "deodds": gap}, theirs)
        row = only(found, "deodds")
        expected = multipletests([row["p"], row["p_equivalence"]], method="holm")[1]
        assert [row["p_adjusted"], row["p_equivalence_adjusted"]] == pytest.approx(list(expected))
        assert np.isnan(only(found, "auc")["p_adjusted"])


class TestProperties:
    @given(several, st.data())
    @thorough
    def test_swapping_the_arms_mirrors_the_verdict(self, judged, ours, data):
        theirs = data.draw(st.lists(st.floats(0.2, 0.8), min_size=len(ours), max_size=len(ours)))
        one = only(judged({"auc": by_seed(ours)}, {"auc": by_seed(theirs)}, primary=["auc"]))
        other = only(judged({"auc": by_seed(theirs)}, {"auc": by_seed(ours)}, primary=["auc"]))
        word, _, rest = one["verdict"].partition(",")
        mirrored = MIRROR.get(word, word) + ("," + rest if rest else "")
        assert other["verdict"] == mirrored
        assert (other["low"], other["high"]) == pytest.approx((-one["high"], -one["low"]), abs=1e-9)

    @given(several, st.data(), st.floats(0.01, 0.99))
    @thorough
    def test_a_smaller_margin_never_makes_undecided_equivalent(self, judged, ours, data, factor):
        noise = data.draw(st.lists(st.floats(-0.03, 0.03), min_size=len(ours), max_size=len(ours)))
        theirs = by_seed([a + e for a, e in zip(ours, noise, strict=True)])
        wide, narrow = (
            only(
                judged({"auc": by_seed(ours)}, {"auc": theirs}, primary=["auc"], margin={"auc": m})
            )
            for m in (0.05, 0.05 * factor)
        )
        if wide["verdict"] == "undecided":
            assert narrow["verdict"] == "undecided"
        assert not narrow["p_equivalence"] < wide["p_equivalence"] - 1e-12

    @given(several, st.data(), st.floats(-0.19, 0.19))
    @thorough
    def test_a_constant_on_both_arms_changes_nothing(self, judged, ours, data, constant):
        theirs = data.draw(
            st.lists(
                st.floats(0.2, 0.8).map(lambda x: round(x, 4)),
                min_size=len(ours),
                max_size=len(ours),
            )
        )
        constant = round(constant, 4)
        # A spread near the last digit kept is rounding, not a difference.
        assume(np.std(np.array(ours) - theirs) > 1e-6)
        one = only(judged({"auc": by_seed(ours)}, {"auc": by_seed(theirs)}, primary=["auc"]))
        other = only(
            judged(
                {"auc": by_seed([x + constant for x in ours])},
                {"auc": by_seed([x + constant for x in theirs])},
                primary=["auc"],
            )
        )
        assert other["verdict"] == one["verdict"]
        assert other["p"] == pytest.approx(one["p"], rel=1e-4, abs=1e-12)


class TestWhichTest:
    A, B = (0.81, 0.83, 0.80, 0.84, 0.82, 0.85), (0.80, 0.79, 0.81, 0.80, 0.78, 0.80)

    def row(self, judged, ours, theirs, **more):
        return only(judged({"auc": ours}, {"auc": theirs}, primary=["auc"], **more))

    @pytest.mark.parametrize("test", ["auto", "t"])
    def test_shared_seeds_are_paired(self, judged, test):
        row = self.row(judged, by_seed(self.A), by_seed(self.B), test=test)
        assert row["p"] == pytest.approx(stats.ttest_rel(self.A, self.B).pvalue, rel=1e-9)
        assert (row["test"], row["n"]) == ("paired t", "6")
        assert row["function_p"] == "benchmark.stats.paired.paired_t"

    def test_only_the_seeds_in_common_are_paired(self, judged):
        theirs = {**{seed + 3: v for seed, v in enumerate(self.B)}}
        row = self.row(judged, by_seed(self.A), theirs)
        expected = stats.ttest_rel(self.A[3:], self.B[:3])
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
        assert row["n"] == "3"

    def test_a_baseline_without_a_seed_is_a_constant(self, judged):
        row = self.row(judged, by_seed(self.A), {None: 0.8})
        assert row["p"] == pytest.approx(stats.ttest_1samp(self.A, 0.8).pvalue, rel=1e-9)
        assert row["test"] == "one-sample t"

    def test_a_variant_without_a_seed_is_a_constant(self, judged):
        row = self.row(judged, {None: 0.85}, by_seed(self.B))
        assert row["p"] == pytest.approx(stats.ttest_1samp(self.B, 0.85).pvalue, rel=1e-9)
        assert row["difference"] == pytest.approx(0.85 - np.mean(self.B))

    def test_seeds_that_do_not_match_are_unpaired(self, judged):
        theirs = {seed + 10: v for seed, v in enumerate(self.B)}
        row = self.row(judged, by_seed(self.A), theirs)
        expected = stats.ttest_ind(self.A, self.B, equal_var=False)
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
        interval = expected.confidence_interval()
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert (row["test"], row["n"], row["pairing"]) == ("Welch t", "6 vs 6", "not paired")

    @pytest.mark.parametrize(
        ("test", "function"),
        [
            ("wilcoxon", lambda d, side: stats.wilcoxon(d, alternative=side, method="exact")),
            (
                "sign-flip",
                lambda d, side: stats.permutation_test(
                    (d,), np.mean, permutation_type="samples", alternative=side, n_resamples=np.inf
                ),
            ),
        ],
    )
    def test_exact_tests_agree_with_scipy_on_difference_and_equivalence(
        self, judged, test, function
    ):
        a = np.array([0.812, 0.833, 0.794, 0.845, 0.826, 0.857])
        b = np.array([0.801, 0.799, 0.807, 0.802, 0.785, 0.803])
        row = self.row(judged, by_seed(a), by_seed(b), test=test)
        d = np.round(a - b, 10)
        assert row["p"] == pytest.approx(function(d, "two-sided").pvalue)
        sides = function(d + 0.02, "greater").pvalue, function(d - 0.02, "less").pvalue
        assert row["p_equivalence"] == pytest.approx(max(sides))
        assert row["function_p"].startswith("benchmark.stats.exact.")
        assert row["function_interval"] == "benchmark.stats.paired.paired_t"

    def test_an_exact_test_without_pairs_is_refused_with_the_reason(self, judged):
        theirs = {seed + 10: v for seed, v in enumerate(self.B)}
        row = self.row(judged, by_seed(self.A), theirs, test="sign-flip")
        assert row["verdict"] == "undecided"
        assert "needs pairs" in row["reason"]
        assert np.isnan(row["p"])
