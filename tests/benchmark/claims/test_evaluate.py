import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from benchmark.claims.evaluate import evaluate
from benchmark.comparison import compare
from benchmark.stats.delong import unpaired

GAIN, NONE, LOSS = (1.6,) * 3, (1.0,) * 3, (0.5,) * 3


@pytest.fixture
def judge(tmp_path):
    def run(*claims, dataset=None, **settings):
        return evaluate(claims, compare(tmp_path / "results", **settings), dataset)

    return run


@pytest.fixture
def arms(served):
    def write(separation=NONE, seeds=4, **more):
        for seed in range(seeds):
            served("clip-ft", seed, **more)
            served("fairclip", seed, separation=separation, trained_on=("race",), **more)

    return write


class TestDifference:
    @pytest.mark.parametrize(
        ("separation", "expected"),
        [
            (
                GAIN,
                {
                    ("better", 0.0): "supported",
                    ("better", 0.02): "supported",
                    ("better", 0.5): "refuted",
                    ("worse", 0.0): "refuted",
                    ("not-better", 0.02): "refuted",
                    ("equivalent", 0.02): "refuted",
                },
            ),
            (
                LOSS,
                {
                    ("better", 0.0): "refuted",
                    ("worse", 0.0): "supported",
                    ("worse", 0.02): "supported",
                    ("not-better", 0.02): "supported",
                },
            ),
            (
                NONE,
                {
                    ("better", 0.0): "equivalent",
                    ("worse", 0.0): "equivalent",
                    ("not-better", 0.02): "supported",
                    ("equivalent", 0.02): "supported",
                },
            ),
        ],
        ids=["gain", "loss", "none"],
    )
    def test_status_follows_what_was_planted(self, arms, judge, claim, separation, expected):
        arms(separation)
        claims = [
            claim(id=f"c{i}", direction=direction, by_more_than=size)
            for i, (direction, size) in enumerate(expected)
        ]
        assert judge(*claims)["status"].tolist() == list(expected.values())

    def test_less_of_a_gap_is_better(self, arms, judge, claim):
        arms((1.6, 0.5, 1.0))
        better, worse = judge(
            claim(id="a", metric="auc_gap"), claim(id="b", metric="auc_gap", direction="worse")
        )["status"]
        assert (better, worse) == ("refuted", "supported")

    def test_p_and_interval_are_scipys_paired_t_of_the_report(self, arms, judge, claim, tmp_path):
        arms(GAIN)
        entry = claim(metric="group_auc", group="black", by_more_than=0.03)
        (row,) = judge(entry).to_dict("records")
        values = compare(tmp_path / "results").per_seed
        values = values[(values["metric"] == "group_auc") & (values["group"] == "black")]
        ours, theirs = (
            values[values["variant"] == v].sort_values("seed")["value"].to_numpy()
            for v in ("fairclip", "clip-ft")
        )
        gain = ours - theirs
        assert row["difference"] == pytest.approx(gain.mean())
        assert row["p"] == pytest.approx(stats.ttest_1samp(gain, 0.03).pvalue, rel=1e-6)
        low, high = stats.ttest_1samp(gain, 0).confidence_interval(0.95)
        assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))

    def test_all_tests_of_the_ledger_are_one_family(self, arms, judge, claim):
        arms(GAIN)
        table = judge(
            *(claim(id=f"c{i}", metric=m) for i, m in enumerate(("auc", "es_auc", "dpd", "deodds")))
        )
        columns = ["p", "p_equivalence"]
        raw = table[columns].to_numpy().ravel()
        adjusted = table[[f"{c}_adjusted" for c in columns]].to_numpy().ravel()
        known = np.isfinite(raw)
        assert known.sum() >= 6
        expected = multipletests(raw[known], method="holm")[1]
        np.testing.assert_allclose(adjusted[known], expected, rtol=1e-9)

    def test_two_seeds_are_undecided_and_say_what_would_decide(self, arms, judge, claim):
        arms((1.3, 0.7, 1.0), seeds=2, jitter=0.5)
        (row,) = judge(claim(metric="es_auc")).to_dict("records")
        assert row["status"] == "undecided"
        assert "seeds" in row["would_decide"]

    def test_one_seed_is_undecided_with_a_reason(self, arms, judge, claim):
        arms(GAIN, seeds=1)
        (row,) = judge(claim()).to_dict("records")
        assert (row["status"], bool(row["reason"])) == ("undecided", True)

    def test_the_scope_of_the_comparison_is_that_of_the_claim(self, arms, judge, claim):
        arms(GAIN)
        (seeds,) = judge(claim()).to_dict("records")
        (patients,) = judge(claim(), scope="patients").to_dict("records")
        assert seeds["scope"] != patients["scope"] == "new seeds and new patients"
        assert patients["difference"] == pytest.approx(seeds["difference"])
        assert patients["high"] - patients["low"] > seeds["high"] - seeds["low"]

    def test_an_exact_test_says_that_it_knows_no_size(self, arms, judge, claim):
        arms(GAIN)
        (row,) = judge(claim(by_more_than=0.01), test="sign-flip").to_dict("records")
        assert row["status"] == "undecided"
        assert "knows no difference but 0" in row["reason"]


class TestWhichRuns:
    def test_real_data_is_never_judged_on_synthetic_runs(self, arms, judge, claim, order):
        arms(GAIN, name="synthetic")
        table = judge(claim(), order("asian", id="o"))
        assert set(table["status"]) == {"not tested"}
        assert set(table["reason"]) == {"no runs on fairvlmed"}

    def test_a_dataset_that_is_named_is_judged_on_and_said_in_every_row(
        self, arms, judge, claim, order
    ):
        arms(GAIN, name="synthetic", model="tiny", pretrained=None)
        claims = (claim(models=["ViT-B-16"]), order("asian", id="o"))
        rows = judge(*claims, dataset="synthetic").to_dict("records")
        assert rows[0]["status"] == "supported"
        for row in rows:
            assert row["judged_on"] == "synthetic"
            assert "judged on synthetic; the claim is about fairvlmed" in row["note"]

    def test_a_claim_about_a_model_needs_runs_of_it_with_its_weights(self, arms, judge, claim):
        arms(GAIN)
        about = claim(id="b16", models=["ViT-B-16"])
        other = claim(id="l14", models=["ViT-L-14"])
        table = judge(about, other).set_index("id")
        assert table["status"].to_dict() == {"b16": "supported", "l14": "not tested"}

    def test_other_weights_are_another_model(self, arms, judge, claim):
        arms(GAIN, pretrained="laion2b")
        table = judge(claim(models=["ViT-B-16"]))
        assert table["status"].tolist() == ["not tested"]

    def test_a_changed_key_is_another_variant(self, served, judge, claim):
        for seed in range(3):
            served("clip-ft", seed)
            served("fairclip[weight=1]", seed, separation=GAIN)
        assert judge(claim())["status"].tolist() == ["not tested"]

    def test_an_attribute_that_the_runs_do_not_have_is_not_tested(self, arms, judge, claim):
        arms(GAIN, seeds=2)
        (row,) = judge(claim(attribute="language")).to_dict("records")
        assert row["status"] == "not tested"
        assert "language" in row["reason"]

    def test_runs_under_other_conditions_are_confounded(self, served, judge, claim):
        for seed in range(3):
            served("clip-ft", seed)
            served("fairclip", seed, separation=GAIN, threads=2)
        (row,) = judge(claim()).to_dict("records")
        assert row["status"] == "not tested"
        assert row["reason"] == "confounded: the runs of clip-ft differ in threads"

    def test_what_has_no_metric_is_not_tested(self, arms, judge, claim):
        arms(GAIN, seeds=2)
        (row,) = judge(claim(metric="sinkhorn")).to_dict("records")
        assert (row["status"], "sinkhorn" in row["reason"]) == ("not tested", True)

    def test_without_runs_nothing_is_tested(self, claim):
        (row,) = evaluate([claim()], None).to_dict("records")
        assert (row["status"], row["reason"]) == ("not tested", "no runs on fairvlmed")


class TestGroupOrder:
    @pytest.mark.parametrize(
        ("separation", "expected"),
        [
            (
                (3.0, 0.2, 1.0),
                {
                    ("asian", "highest"): "supported",
                    ("black", "lowest"): "supported",
                    ("black", "highest"): "refuted",
                    ("white", "highest"): "refuted",
                    ("white", "lowest"): "refuted",
                },
            ),
            ((3.0, 0.2, 3.0), {("asian", "highest"): "undecided"}),
            (NONE, {("asian", "highest"): "undecided"}),
        ],
        ids=["planted", "two ahead", "none"],
    )
    @pytest.mark.parametrize("seeds", [(0, 1, 2), (None,)], ids=["seeds", "one run"])
    def test_status_follows_what_was_planted(
        self, served, judge, order, separation, expected, seeds
    ):
        for seed in seeds:
            served("clip-ft", seed, separation=separation)
        claims = [order(*key, id=f"c{i}") for i, key in enumerate(expected)]
        assert judge(*claims)["status"].tolist() == list(expected.values())

    def test_seeds_that_are_equal_leave_delongs_test_of_two_groups(self, served, judge, order):
        race = np.arange(600) // 2 % 2
        for seed in range(3):
            folder = served("clip-ft", seed, race=race, jitter=0.0, separation=(1.3, 1.0, 1.0))
        (row,) = judge(order("asian")).to_dict("records")
        t = pd.read_parquet(folder / "predictions.parquet")
        t = t[t["split"] == "test"]
        sides = [t[t["attribute_race"] == code] for code in (0, 1)]
        expected = unpaired(*(s[c] for s in sides for c in ("label", "score")), law="normal")
        assert row["p"] == pytest.approx(expected.p, rel=1e-9)
        assert row["difference"] == pytest.approx(expected.estimate)
        assert (row["low"], row["high"]) == (
            pytest.approx(expected.low),
            pytest.approx(expected.high),
        )

    def test_a_contrary_of_several_groups_is_corrected_for_their_number(self, served, judge, order):
        folder = served("clip-ft", None, separation=(1.0, 2.0, 0.0))
        (row,) = judge(order("asian")).to_dict("records")
        t = pd.read_parquet(folder / "predictions.parquet")
        t = t[t["split"] == "test"]
        sides = [t[t["attribute_race"] == code] for code in (0, 1)]
        expected = unpaired(*(s[c] for s in sides for c in ("label", "score")))
        assert expected.estimate < 0
        assert 0 < row["p"] < 1
        assert row["p"] == pytest.approx(2 * expected.p, rel=1e-9)

    def test_the_closest_group_is_the_difference_shown(self, served, judge, order, tmp_path):
        folders = [served("clip-ft", s, separation=(3.0, 0.2, 1.5)) for s in range(3)]
        (row,) = judge(order("asian")).to_dict("records")

        def auc(folder, code):
            t = pd.read_parquet(folder / "predictions.parquet")
            t = t[(t["split"] == "test") & (t["attribute_race"] == code)]
            return roc_auc_score(t["label"], t["score"])

        gaps = [auc(f, 0) - auc(f, 2) for f in folders]
        assert row["difference"] == pytest.approx(np.mean(gaps))
        assert row["n"] == "3 × 600"
        assert "asian minus black" in row["note"]
        assert "asian minus white" in row["note"]

    def test_seeds_that_agree_do_not_hide_that_patients_vary(self, served, judge, order):
        """Over seeds alone such a difference would be certain; over patients it is not."""
        race = np.full(600, 2)
        race[:20], race[20:60] = 0, 1
        for seed in range(5):
            served("clip-ft", seed, race=race, jitter=0.001)
        (row,) = judge(order("asian")).to_dict("records")
        assert row["status"] == "undecided"
        assert row["high"] - row["low"] > 0.2

    def test_a_group_of_one_class_is_not_estimable_and_supports_nothing(self, served, judge, order):
        race = np.full(600, 2)
        race[:300], race[301:311:2] = 0, 1
        for seed in range(3):
            served("clip-ft", seed, race=race, separation=(3.0, 1.0, 0.2))
        (row,) = judge(order("asian")).to_dict("records")
        assert row["status"] == "undecided"
        assert "5 positives and 0 negatives" in row["reason"]
        assert "asian against black: not estimable" in row["note"]

    def test_a_group_that_the_data_lack_is_not_tested(self, served, judge, order):
        served("clip-ft", 0)
        (row,) = judge(order("martian")).to_dict("records")
        assert row["status"] == "not tested"
        assert row["reason"] == "race of fairvlmed has no group 'martian'"
