import json

import pandas as pd
import pytest

import benchmark


@pytest.fixture
def results(write_scored, tmp_path):
    for seed in range(4):
        write_scored("clip-ft", seed)
        write_scored("fairclip", seed, trained_on=("race",))
    return tmp_path / "results"


@pytest.fixture
def verdicts(fairbench, results, tmp_path):
    """Run the command and return verdicts.csv."""

    def run(*options):
        found = fairbench("compare", results, *options, "--out", tmp_path / "out")
        assert found.code == 0, found.err
        return pd.read_csv(tmp_path / "out" / "verdicts.csv")

    return run


def suite(results, **compare):
    """Store a suite with this section, as `fairbench run --suite` does."""
    folder = results / "suites"
    folder.mkdir()
    runs = [p.name for p in (results / "runs").iterdir()]
    content = {"name": "mine", "compare": compare, "runs": runs}
    (folder / "mine.json").write_text(json.dumps(content))


class TestOptions:
    @pytest.mark.parametrize(
        ("flags", "arguments"),
        [
            (["--margin", "auc=0.3,deodds=0.4"], {"margin": {"auc": 0.3, "deodds": 0.4}}),
            (["--alpha", "0.2", "--correction", "bh"], {"alpha": 0.2, "correction": "bh"}),
            (
                ["--primary", "auc,dpd", "--margin", "dpd=0.1"],
                {"primary": ["auc", "dpd"], "margin": {"dpd": 0.1}},
            ),
            (["--test", "sign-flip"], {"test": "sign-flip"}),
            (["--scope", "patients"], {"scope": "patients"}),
        ],
    )
    def test_are_the_arguments_of_the_python_function(self, verdicts, results, flags, arguments):
        found = verdicts(*flags)
        expected = benchmark.compare(results, **arguments).verdicts
        for column in ("verdict", "test", "function_p"):
            assert found[column].tolist() == expected[column].tolist()
        for column in ("margin", "p", "p_adjusted", "p_equivalence_adjusted", "low"):
            assert found[column].tolist() == pytest.approx(expected[column].tolist(), nan_ok=True)

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--margin", "auc=2"], "expected a fraction between 0 and 1"),
            (["--margin", "dpd=0.1"], "margin of 'dpd', which is not primary"),
            (["--primary", "acu"], "Did you mean 'auc'?"),
            (["--correction", "hulm"], "unknown correction 'hulm'. Did you mean 'holm'?"),
            (["--test", "anova"], "unknown test 'anova'"),
            (["--scope", "patients", "--test", "t"], "over seeds alone"),
            (["--plan", "newest"], "no plan here"),
            (["--plan", "newest", "--alpha", "0.1"], "leave out --alpha"),
            (["--intersections", "race×agee"], "agee"),
        ],
    )
    def test_bad_input_is_one_line(self, fairbench, results, flags, message):
        found = fairbench("compare", results, *flags)
        assert found.code == 2
        assert message in found.err
        assert len(found.err.splitlines()) == 1


class TestSuite:
    def test_its_section_sets_how_claims_are_judged(self, verdicts, results):
        suite(results, margin={"auc": 0.3}, primary=["auc"], alpha=0.1, test="sign-flip")
        found = verdicts("--suite", "mine")
        assert found["metric"].tolist() == ["auc"]
        assert found["margin"].tolist() == [0.3]
        assert found["confidence"].tolist() == [0.9]
        assert found["test"].tolist() == ["sign-flip"]

    def test_options_go_before_it(self, verdicts, results):
        suite(results, margin={"auc": 0.3, "deodds": 0.2}, test="sign-flip")
        found = verdicts("--suite", "mine", "--test", "t", "--margin", "auc=0.1")
        assert found.set_index("metric")["margin"].to_dict() == {"auc": 0.1, "deodds": 0.2}
        assert set(found["test"]) == {"paired t"}

    def test_metrics_that_an_option_leaves_out_need_no_margin(self, verdicts, results):
        suite(results, margin={"auc": 0.3, "deodds": 0.2})
        assert verdicts("--suite", "mine", "--primary", "auc")["metric"].tolist() == ["auc"]
