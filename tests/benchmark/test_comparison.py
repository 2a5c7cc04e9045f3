import shutil

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmark.comparison import compare
from benchmark.errors import FairbenchError

GROUPS = ("asian", "black", "white")


def aucs(run, split):
    return [roc_auc_score(run["label_of"][split], row) for row in run["scores"][split]]


def best(run, split):
    return int(np.argmax(aucs(run, split)))


def metrics_of(run, epoch):
    """Return the metrics of the test set at an epoch (index), by other libraries."""
    y, score = run["label_of"]["test"], run["scores"]["test"][epoch]
    race = run["codes"]["test"]["race"]
    decided = (score >= 0.5).astype(int)
    auc = roc_auc_score(y, score)
    by_group = [roc_auc_score(y[race == g], score[race == g]) for g in range(3)]
    return {
        "auc": auc,
        "dpd": demographic_parity_difference(y, decided, sensitive_features=race),
        "deodds": equalized_odds_difference(y, decided, sensitive_features=race),
        "es_auc": auc / (1 + sum(abs(auc - g) for g in by_group)),
        **dict(zip(GROUPS, by_group, strict=True)),
    }


def cell(found, label, metric, group="", rule="val-auc", **more):
    """Return the one row of the summary that a table's cell shows."""
    rows = found.summary
    wanted = {"variant": label, "metric": metric, "group": group, "selection": rule, **more}
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]


@pytest.fixture
def compared(tmp_path):
    return lambda **options: compare(tmp_path / "results", **options)


@pytest.fixture
def two_arms(write_scored):
    """Four seeds of the baseline and three of fairclip, two of them shared."""
    base = {seed: write_scored("clip-ft", seed) for seed in (0, 1, 2, 5)}
    fair = {s: write_scored("fairclip", s, trained_on=("race",), own="test-auc") for s in (1, 2, 7)}
    return base, fair


class TestLevels:
    def test_are_mean_and_sample_deviation_of_the_selected_epochs(self, two_arms, compared):
        base, _ = two_arms
        expected = pd.DataFrame([metrics_of(run, best(run, "val")) for run in base.values()])
        found = compared()
        for name in expected:
            metric, group = ("group_auc", name) if name in GROUPS else (name, "")
            row = cell(found, "clip-ft", metric, group)
            assert row["mean"] == pytest.approx(expected[name].mean(), abs=1e-12)
            assert row["sd"] == pytest.approx(stats.tstd(expected[name]), abs=1e-12)
            assert row["n_seeds"] == 4

    def test_selected_epochs_are_reported_for_each_seed(self, two_arms, compared):
        found = compared(selection="test-auc").per_seed
        rows = found[(found["metric"] == "auc") & (found["selection"] == "test-auc")]
        for label, runs in zip(("clip-ft", "fairclip"), two_arms, strict=True):
            for seed, run in runs.items():
                row = rows[(rows["variant"] == label) & (rows["seed"] == seed)].squeeze()
                assert row["epoch"] == run["epochs"][best(run, "test")]
                assert row["value"] == pytest.approx(max(aucs(run, "test")), abs=1e-12)

    def test_one_seed_has_no_deviation(self, write_scored, compared):
        write_scored("clip-ft", 0)
        row = cell(compared(), "clip-ft", "auc")
        assert np.isfinite(row["mean"])
        assert np.isnan(row["sd"])


class TestDifferences:
    def test_are_paired_by_the_seeds_in_common(self, two_arms, compared):
        base, fair = two_arms
        for metric in ("auc", "dpd", "deodds", "es_auc"):
            a, b = (
                [metrics_of(runs[s], best(runs[s], "val"))[metric] for s in (1, 2)]
                for runs in (fair, base)
            )
            row = cell(compared(), "fairclip", metric)
            interval = stats.ttest_rel(a, b).confidence_interval(0.95)
            assert row["difference"] == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)
            assert (row["low"], row["high"]) == pytest.approx(
                (interval.low, interval.high), abs=1e-9
            )
            assert (row["n_pairs"], row["pairing"]) == (2, "by seed")

    def test_weights_without_a_seed_meet_every_seed_of_the_baseline(
        self, two_arms, write_scored, compared
    ):
        base, _ = two_arms
        clip = write_scored("clip", None, own="last")
        constant = metrics_of(clip, 0)["auc"]
        against = [metrics_of(run, best(run, "val"))["auc"] for run in base.values()]
        row = cell(compared(), "clip", "auc")
        interval = stats.ttest_1samp(constant - np.array(against), 0).confidence_interval(0.95)
        assert row["difference"] == pytest.approx(constant - np.mean(against), abs=1e-12)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), abs=1e-12)
        assert row["n_pairs"] == 4
        assert row["pairing"] == "one value against each baseline seed"

    def test_a_baseline_without_a_seed_meets_every_seed(self, two_arms, write_scored, compared):
        clip = write_scored("clip", None, own="last")
        row = cell(compared(baseline="clip"), "fairclip", "auc")
        ours = [metrics_of(run, best(run, "val"))["auc"] for run in two_arms[1].values()]
        expected = np.mean(ours) - metrics_of(clip, 0)["auc"]
        assert row["difference"] == pytest.approx(expected, abs=1e-12)
        assert (row["n_pairs"], row["pairing"]) == (3, "each seed against one baseline value")

    def test_no_seed_in_common_is_no_difference(self, write_scored, compared):
        write_scored("clip-ft", 0)
        write_scored("fairclip", 1, trained_on=("race",))
        row = cell(compared(), "fairclip", "auc")
        assert row["n_pairs"] == 0
        assert np.isnan([row["difference"], row["low"], row["high"]]).all()

    def test_a_seed_that_diverged_in_one_arm_is_no_pair(self, two_arms, write_run, compared):
        write_run(
            "fairclip",
            0,
            state="diverged",
            trained_on=("race",),
            message="epoch 1",
            epochs=(1, 2, 3),
        )
        found = compared()
        row = cell(found, "fairclip", "auc")
        assert row["n_pairs"] == 2
        assert (row["n_runs"], row["n_lost"]) == (3, 1)
        lost = found.per_seed[found.per_seed["seed"] == 0]
        lost = lost[lost["variant"] == "fairclip"]
        assert set(lost["reason"]) == {"diverged: epoch 1"}
        assert lost["value"].isna().all()

    def test_the_baseline_has_no_difference_to_itself(self, two_arms, compared):
        rows = compared().summary
        rows = rows[rows["variant"] == "clip-ft"]
        assert rows["is_baseline"].all()
        assert rows["difference"].isna().all()


class TestOwnRules:
    def test_the_baseline_is_selected_by_the_rule_of_the_other(self, two_arms, compared):
        base, fair = two_arms
        a, b = ([max(aucs(runs[s], "test")) for s in (1, 2)] for runs in (fair, base))
        for selection in ("own", "val-auc"):
            row = cell(compared(selection=selection), "fairclip", "auc", rule="test-auc")
            assert row["own_rule"]
            assert row["main_rule"] == (selection == "own")
            assert row["difference"] == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)

    def test_untrained_weights_go_by_the_rule_of_the_baseline(
        self, two_arms, write_scored, compared
    ):
        write_scored("clip", None, own="last")
        rows = compared(selection="own").summary
        rows = rows[rows["variant"] == "clip"]
        assert set(rows["selection"]) == {"val-auc"}
        assert rows["main_rule"].all()


class TestNotEstimable:
    @pytest.fixture
    def one_class(self, write_scored):
        """Make every test sample of the first group healthy."""

        def write(label, seed, **more):
            y = np.arange(90) % 2
            race = np.arange(90) % 3
            y[race == 0] = 0
            codes = {"val": {"race": np.arange(60) % 3}, "test": {"race": race}}
            write_scored(
                label, seed, label_of={"val": np.arange(60) % 2, "test": y}, codes=codes, **more
            )

        return write

    def test_a_one_class_group_is_nan_with_reason_and_counts(self, one_class, compared):
        for seed in (0, 1):
            one_class("clip-ft", seed)
            one_class("fairclip", seed, trained_on=("race",))
        found = compared()
        for metric, group in (("group_auc", "asian"), ("es_auc", ""), ("deodds", "")):
            row = cell(found, "fairclip", metric, group)
            assert np.isnan([row["mean"], row["sd"], row["difference"], row["low"]]).all()
            assert (row["n_seeds"], row["n_pairs"]) == (0, 0)
            assert "asian" in row["reason"]
            assert "30" in row["reason"]
        assert np.isfinite(cell(found, "fairclip", "auc")["mean"])
        assert np.isfinite(cell(found, "fairclip", "dpd")["mean"])

    def test_a_rule_without_a_criterion_selects_nothing(self, write_scored, compared):
        write_scored(label_of={"val": np.zeros(60, int), "test": np.arange(90) % 2})
        row = cell(compared(), "clip-ft", "auc")
        assert np.isnan(row["mean"])
        assert row["reason"].startswith("no epoch selected: validation has")

    def test_an_arm_without_any_result_is_a_row_with_its_reason(
        self, two_arms, write_run, compared
    ):
        write_run("a-fairclip", 0, state="failed", trained_on=("race",), message="OSError: full")
        row = cell(compared(), "a-fairclip", "auc")
        assert np.isnan(row["mean"])
        assert row["reason"] == "failed: OSError: full"


class TestConfounded:
    def test_rows_name_the_conditions_that_differ(self, two_arms, write_scored, compared):
        write_scored("a-fairclip", 1, trained_on=("race",), protocol={"lr": 0.1}, threads=2)
        found = compared()
        assert cell(found, "a-fairclip", "auc")["confounded"] == "lr, threads"
        assert cell(found, "fairclip", "auc")["confounded"] == ""

    def test_other_test_sets_have_no_difference(self, two_arms, write_scored, compared):
        write_scored("fairclip", 1, trained_on=("race",), test_set="u" * 64)
        row = cell(compared(), "fairclip", "auc", test_set="u" * 12)
        assert (row["baseline"], row["n_pairs"]) == ("", 0)
        assert np.isnan(row["difference"])


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"selection": "val_auc"}, "unknown selection rule 'val_auc'. Did you mean 'val-auc'"),
            ({"threshold": "0.4"}, "unknown threshold rule '0.4'"),
            ({"baseline": "blip"}, "no finished run of the baseline 'blip'. Finished: clip-ft"),
        ],
    )
    def test_an_unknown_name_lists_the_known_ones(self, two_arms, compared, options, message):
        with pytest.raises(FairbenchError, match=message):
            compared(**options)

    def test_a_baseline_that_only_diverged_is_not_found(self, write_run, write_scored, compared):
        write_run("clip-ft", 0, state="diverged")
        write_scored("fairclip", 0, trained_on=("race",))
        with pytest.raises(FairbenchError, match="Finished: fairclip"):
            compared()

    @pytest.mark.parametrize(
        ("column", "value"), [("score", np.nan), ("label", 3), ("attribute_race", 9)]
    )
    def test_predictions_that_no_run_writes_name_the_file(
        self, write_scored, edit_predictions, compared, column, value
    ):
        def spoil(table):
            table[column] = table[column].where(table["split"] == "val", value)
            return table

        folder = edit_predictions(write_scored()["folder"], spoil)
        with pytest.raises(FairbenchError, match=rf"{folder.name}/predictions\.parquet: .*again"):
            compared()

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_a_missing_split_names_the_file(self, write_scored, edit_predictions, compared, split):
        edit_predictions(write_scored()["folder"], lambda table: table[table["split"] != split])
        with pytest.raises(FairbenchError, match=f"no {split} predictions"):
            compared()


class TestOrder:
    def test_the_order_of_folders_on_disk_does_not_matter(self, two_arms, compared, monkeypatch):
        from benchmark.results import RunStore

        found, read = compared(), RunStore.read
        monkeypatch.setattr(RunStore, "read", lambda self: read(self)[::-1])
        for name in ("summary", "per_seed"):
            one, other = getattr(found, name), getattr(compared(), name)
            keys = [c for c in ("variant", "selection", "metric", "group", "seed") if c in one]
            pd.testing.assert_frame_equal(
                one.drop(columns="arm").sort_values(keys, ignore_index=True),
                other.drop(columns="arm").sort_values(keys, ignore_index=True),
            )

    def test_every_seed_and_metric_is_one_row(self, two_arms, compared):
        keys = ["arm", "attribute", "selection", "seed", "metric", "group"]
        assert not compared().per_seed.duplicated(keys).any()
        assert not compared().summary.duplicated([k for k in keys if k != "seed"]).any()


class TestThreshold:
    def test_a_rule_chosen_on_validation_moves_decisions_and_no_auc(self, two_arms, compared):
        at_half, youden = compared(), compared(threshold="youden")
        for metric, same in (("auc", True), ("dpd", False)):
            a, b = (cell(found, "clip-ft", metric)["mean"] for found in (at_half, youden))
            assert (a == b) == same

    def test_youden_is_that_of_the_selected_epochs_validation_scores(self, two_arms, compared):
        base, _ = two_arms
        found = compared(threshold="youden").per_seed
        for seed, run in base.items():
            epoch = best(run, "val")
            y, score = run["label_of"]["val"], run["scores"]["val"][epoch]
            merit = {t: (score[y == 1] >= t).mean() - (score[y == 0] >= t).mean() for t in score}
            rows = found[(found["variant"] == "clip-ft") & (found["seed"] == seed)]
            used = rows.loc[rows["selection"] == "val-auc", "threshold"].unique().item()
            assert merit[np.float32(used)] == pytest.approx(max(merit.values()), abs=1e-12)


class TestKeptValues:
    def test_every_table_is_the_same_the_first_time_again_and_without_what_is_kept(
        self, two_arms, compared, tmp_path
    ):
        tables = ("per_seed", "summary", "verdicts", "runs")
        first = compared(selection="own")
        cache = tmp_path / "results" / "cache"
        assert {path.name for path in cache.iterdir()} == {"configs.json", "values"}
        again = compared(selection="own")
        shutil.rmtree(cache)
        cache.write_text("a file, so that nothing can be kept")
        without = compared(selection="own")
        for name in tables:
            for other in (again, without):
                expected, found = getattr(first, name), getattr(other, name)
                pd.testing.assert_frame_equal(found, expected, check_exact=True)
