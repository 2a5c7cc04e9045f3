import re

import pandas as pd
import pytest

from benchmark.comparison import compare
from benchmark.report.answers import SHOWN, answers_of, counts_of, fold_answers
from benchmark.report.model import Answer
from benchmark.stats.verdict import Verdict


@pytest.fixture
def verdicts():
    def make(verdict, **more):
        row = {
            "dataset": "d",
            "model": "m",
            "test_set": "t",
            "weights": "w",
            "protocol": "p",
            "variant": "fairclip",
            "baseline": "clip-ft",
            "attribute": "race",
            "metric": "deodds",
            "margin": 0.05,
            "verdict": verdict,
            "confounded": "",
            "reason": "",
            "difference": -0.0123,
            "low": -0.02,
            "high": -0.001,
            "confidence": 0.95,
            "would_decide": "9 seeds would",
        }
        return pd.DataFrame([{**row, **more}])

    return make


class TestAnswersOf:
    @pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.NOT_ESTIMABLE])
    def test_each_verdict_has_its_sentence_with_difference_and_interval(self, verdicts, verdict):
        (answer,) = answers_of(verdicts(verdict.value))
        assert answer.verdict == verdict.value
        assert ": -1.23 points, 95% interval [-2.00, -0.10]" in answer.text
        assert "fairclip" in answer.text
        assert "clip-ft in DEOdds on race" in answer.text
        assert "9 seeds would" not in answer.text  # stands below the table of verdicts

    def test_better_and_worse_are_never_said_of_the_other(self, verdicts):
        for verdict in Verdict:
            (answer,) = answers_of(verdicts(verdict.value, reason="one class"))
            for word in ("better", "worse", "equivalent", "undecided"):
                assert (word in answer.text) == verdict.value.startswith(word)

    def test_what_is_not_estimable_says_why(self, verdicts):
        (answer,) = answers_of(verdicts("not estimable", difference=float("nan"), reason="no men"))
        assert answer.text == "fairclip cannot be compared with clip-ft in DEOdds on race: no men."

    def test_a_confounded_claim_names_its_conditions(self, verdicts):
        (answer,) = answers_of(verdicts("", confounded="lr"))
        assert answer.verdict == "none"
        assert answer.text.endswith("has no verdict: differs in lr.")

    def test_the_protocol_is_named_where_it_tells_claims_apart(self, verdicts):
        both = pd.concat([verdicts("better"), verdicts("worse", protocol="q")])
        assert [re.findall(r"\((\w)\)", a.text) for a in answers_of(both)] == [["p"], ["q"]]
        assert "(p)" not in answers_of(verdicts("better"))[0].text

    def test_there_is_one_for_each_row_in_its_order(self, write_scored, tmp_path):
        for seed in range(3):
            write_scored("clip-ft", seed)
            write_scored("fairclip", seed, trained_on=("race",))
        found = compare(tmp_path / "results")
        answers = answers_of(found.verdicts)
        assert [a.verdict for a in answers] == found.verdicts["verdict"].tolist()
        for answer, row in zip(answers, found.verdicts.to_dict("records"), strict=True):
            assert f"{100 * row['difference']:+.2f} points" in answer.text


class TestFoldAnswers:
    def test_a_few_are_all_shown_in_their_order(self):
        few = [Answer("undecided", "a"), Answer("better", "b")] * (SHOWN // 2)
        assert fold_answers(few) == (few, [])

    def test_of_many_the_decided_ones_are_shown(self):
        many = [Answer("undecided", str(k)) for k in range(SHOWN)]
        many += [Answer("worse, negligible", "x"), Answer("better", "y")]
        shown, folded = fold_answers(many)
        assert [a.text for a in shown[:3]] == ["y", "x", "0"]
        assert [a.text for a in folded] == ["10", "11"]


class TestCountsOf:
    def test_every_claim_is_counted(self, verdicts):
        rows = pd.concat([verdicts("better"), verdicts("undecided"), verdicts("undecided")])
        assert counts_of(rows) == "3 claims: 1 better; 2 undecided"
        rows = pd.concat([rows, verdicts("", confounded="lr")])
        assert counts_of(rows) == "4 claims: 1 better; 2 undecided; 1 without verdict"
