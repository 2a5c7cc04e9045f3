import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.comparison import compare
from benchmark.errors import FairbenchError
from benchmark.stats.delong import paired
from benchmark.stats.mrmc import obuchowski_rockette


@pytest.fixture
def write(write_scored):
    """Write runs whose scores differ a little by seed; return the test scores of an arm."""

    def make(label, seeds, gain=0.0, **more):
        rng = np.random.default_rng(len(label))
        patients = np.random.default_rng(5)
        label_of = {"val": np.arange(60) % 2, "test": np.arange(120) % 2}
        shared = {k: patients.normal(0.45 + 0.1 * y, 0.1) for k, y in label_of.items()}
        codes = {k: {"race": np.arange(len(y)) // 2 % 3} for k, y in label_of.items()}
        rows = []
        for seed in seeds:
            scores = {
                k: (shared[k] + gain * y + rng.normal(0, 0.02, len(y)))[None].astype(np.float32)
                for k, y in label_of.items()
            }
            epochs = (1,) if seed is not None else (0,)
            data = {"label_of": label_of, "codes": codes, "epochs": epochs, "scores": scores}
            write_scored(label, seed, **data, **more)
            rows.append(scores["test"][0])
        return label_of["test"], np.array(rows, dtype=np.float64)

    return make


def rows(results, **more):
    found = compare(results, scope="patients", **more).verdicts
    return {row["metric"]: row for row in found.to_dict("records")}


class TestAuc:
    def test_is_obuchowski_rockette_over_the_seeds_in_common(self, write, tmp_path):
        label, base = write("clip-ft", (0, 1, 2, 3))
        _, ours = write("fairclip", (1, 2, 3), gain=0.05, trained_on=("race",))
        row = rows(tmp_path / "results")["auc"]
        expected = obuchowski_rockette(label, ours, base[1:])
        assert row["p"] == pytest.approx(expected.p, rel=1e-9)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-9)
        mean = np.mean([roc_auc_score(label, s) for s in ours])
        assert row["difference"] == pytest.approx(
            mean - np.mean([roc_auc_score(label, s) for s in base[1:]])
        )
        assert row["scope"] == "new seeds and new patients"
        assert row["n"] == "3 × 120"

    def test_of_one_run_a_side_is_delong_and_says_nothing_of_seeds(self, write, tmp_path):
        label, base = write("clip-ft", (0,))
        _, ours = write("fairclip", (0,), gain=0.05, trained_on=("race",))
        row = rows(tmp_path / "results")["auc"]
        assert row["p"] == pytest.approx(paired(label, ours[0], base[0]).p, rel=1e-9)
        assert row["scope"] == "new patients, these two runs as they are"

    def test_a_side_without_a_seed_meets_every_seed(self, write, tmp_path):
        label, base = write("clip-ft", (0, 1, 2))
        _, ours = write("clip", (None,), gain=-0.05)
        row = rows(tmp_path / "results")["auc"]
        mirrored = obuchowski_rockette(label, base, ours)
        assert row["p"] == pytest.approx(mirrored.p, rel=1e-9)
        assert (row["low"], row["high"]) == pytest.approx((-mirrored.high, -mirrored.low), rel=1e-9)


class TestGaps:
    def test_the_estimate_is_the_mean_difference_of_the_runs(self, write, tmp_path):
        write("clip-ft", (0, 1, 2))
        write("fairclip", (0, 1, 2), gain=0.05, trained_on=("race",))
        found = compare(tmp_path / "results", scope="patients")
        (row,) = found.verdicts[found.verdicts["metric"] == "deodds"].to_dict("records")
        summary = found.summary
        at = (summary["variant"] == "fairclip") & (summary["metric"] == "deodds")
        assert row["difference"] == pytest.approx(summary.loc[at, "difference"].item(), abs=1e-12)
        assert row["low"] < row["difference"] < row["high"]
        assert row["test"] == "Obuchowski–Rockette, bootstrap"
        assert row["scope"] == "new seeds and new test sets with groups of these sizes"

    def test_difference_and_spread_over_seeds_are_those_of_scope_seeds(self, write, tmp_path):
        write("clip-ft", (0, 1, 2))
        write("fairclip", (0, 1, 2), gain=0.05, trained_on=("race",))
        both = rows(tmp_path / "results")["auc"]
        seeds = compare(tmp_path / "results").verdicts.set_index("metric").loc["auc"]
        assert both["difference"] == pytest.approx(seeds["difference"], abs=1e-12)
        assert both["sd"] == pytest.approx(seeds["sd"], rel=1e-6)

    def test_the_same_results_give_the_same_numbers(self, write, tmp_path):
        write("clip-ft", (0, 1))
        write("fairclip", (0, 1), trained_on=("race",))
        one, other = (compare(tmp_path / "results", scope="patients").verdicts for _ in range(2))
        pd.testing.assert_frame_equal(one, other)


class TestRefusals:
    def test_seeds_that_do_not_match_have_no_test_and_the_reason(self, write, tmp_path):
        write("clip-ft", (0, 1))
        write("fairclip", (2, 3), trained_on=("race",))
        row = rows(tmp_path / "results")["auc"]
        assert row["verdict"] == "undecided"
        assert "runs must pair" in row["reason"]

    def test_other_samples_name_the_runs(self, write, edit_predictions, tmp_path):
        write("clip-ft", (0, 1))
        write("fairclip", (0, 1), trained_on=("race",))
        folder = next((tmp_path / "results" / "runs").iterdir())
        edit_predictions(folder, lambda t: t.assign(sample_id="x" + t["sample_id"]))
        with pytest.raises(FairbenchError, match=r"test samples are not those of"):
            rows(tmp_path / "results")
