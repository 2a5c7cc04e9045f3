import json
from pathlib import Path

import pytest

COMMITTED = Path(__file__).parents[3] / "results" / "baselines" / "ci.json"

MINE = '''"""Mine."""

from typing import ClassVar

from variants.contrastive import contrastive_loss
from variants.objective import Objective, Term, key


class Mine(Objective):
    kind: ClassVar[str] = "mine"
    factor: float = key(1.0, "of the loss")

    def terms(self, batch, groups):
        return {"clip": Term(self.factor * contrastive_loss(batch))}


VARIANT = Mine()
'''


@pytest.fixture
def committed(tmp_path):
    """A copy of the committed baseline."""
    path = tmp_path / "ci.json"
    path.write_bytes(COMMITTED.read_bytes())
    return path


@pytest.fixture
def edit(committed):
    def change(function):
        values = json.loads(committed.read_text())
        function(values)
        committed.write_text(json.dumps(values))
        return committed

    return change


def only(*names):
    return [part for name in names for part in ("--variant", name)]


class TestCheck:
    def test_passes_on_the_committed_baseline(self, fairbench, committed):
        result = fairbench("check", "--baseline", committed, *only("clip"))
        assert result.code == 0
        assert result.out.rstrip().endswith("0 of 1 cases moved")
        assert result.err == ""

    def test_says_what_moved_by_how_much_and_where(self, fairbench, edit):
        def scores(values):
            values["cases"]["clip"]["numbers"]["scores"]["val"][3] += 0.01

        result = fairbench("check", "--baseline", edit(scores), *only("clip"))
        assert result.code == 1
        line = next(line for line in result.out.splitlines() if "sample 4 of val" in line)
        assert "1.0e-02" in line
        assert "moved" in line
        assert "1 of 1 cases moved: clip\n" in result.out
        assert result.out.rstrip().endswith("--update")

    def test_names_first_what_may_explain_it(self, fairbench, edit):
        def older(values):
            values["numerics"] -= 1
            values["cases"]["clip"]["numbers"]["scores"]["val"][3] += 0.01
            values["cases"]["clip"]["made_with"] = "an abacus"

        lines = fairbench("check", "--baseline", edit(older), *only("clip")).out.splitlines()
        assert lines[0].startswith("note: numerics ")
        assert lines[1].startswith("note: recorded with an abacus; this is fairbench ")


class TestUnusableBaseline:
    def refused(self, fairbench, path, *options):
        result = fairbench("check", "--baseline", path, *options)
        assert result.code == 2
        assert result.out == ""
        assert len(result.err.splitlines()) == 1
        assert str(path) in result.err
        return result.err

    def test_is_missing(self, fairbench, tmp_path):
        assert "make it with --update" in self.refused(fairbench, tmp_path / "none.json")

    def test_is_damaged(self, fairbench, committed):
        committed.write_bytes(committed.read_bytes()[:5000])
        assert "damaged" in self.refused(fairbench, committed)
        assert "damaged" in self.refused(fairbench, committed, "--update")

    def test_lacks_a_variant(self, fairbench, edit):
        path = edit(lambda values: values["cases"].pop("fairclip"))
        message = self.refused(fairbench, path)
        assert "lacks fairclip;" in message
        assert "--update" in message

    def test_holds_a_variant_that_is_gone(self, fairbench, edit):
        def rename(values):
            values["cases"]["fairclap"] = values["cases"]["fairclip"]

        assert "holds fairclap," in self.refused(fairbench, edit(rename))

    @pytest.mark.parametrize(
        ("field", "words"), [("dataset", "other synthetic data"), ("weights", "initial weights")]
    )
    def test_was_made_from_something_else(self, fairbench, edit, field, words):
        path = edit(lambda values: values.update({field: "0" * 64}))
        message = self.refused(fairbench, path)
        assert words in message
        assert f"{field} 000000000000 → " in message

    def test_has_scores_of_other_samples(self, fairbench, edit):
        path = edit(lambda values: values["cases"]["clip"]["numbers"]["scores"]["val"].pop())
        result = fairbench("check", "--baseline", path, *only("clip"))
        assert result.code == 2
        assert "case 'clip': recorded scores do not fit the data" in result.err

    def test_an_unknown_variant_gets_a_guess(self, fairbench, committed):
        result = fairbench("check", "--baseline", committed, *only("clip-tf"))
        assert result.code == 2
        assert "Did you mean 'clip-ft'?" in result.err

    def test_a_variant_named_twice_is_refused(self, fairbench, committed):
        result = fairbench("check", "--baseline", committed, *only("clip", "clip"))
        assert result.code == 2
        assert "'clip' is named twice" in result.err


class TestUpdate:
    def test_of_numbers_within_tolerance_leaves_the_file_as_it_is(self, fairbench, committed):
        before = committed.read_bytes()
        result = fairbench("check", "--baseline", committed, "--update", *only("clip"))
        assert result.code == 0
        assert result.out == f"{committed}: cases changed: 0\n"
        assert committed.read_bytes() == before

    def test_records_what_moved_and_says_so_for_the_commit(self, fairbench, edit):
        def moved(values):
            values["cases"]["clip"]["numbers"]["scores"]["test"][0] += 0.01

        path = edit(moved)
        options = ["--baseline", path, *only("clip")]
        assert fairbench("check", *options).code == 1
        text = fairbench("check", *options, "--update").out
        assert text.startswith(
            f"{path}: cases changed: 1\nclip: scores by 0.01 (sample 1 of test: "
        )
        assert "; test AUC 0." in text
        assert fairbench("check", *options).code == 0

    def test_keeps_the_cases_of_variants_that_are_not_named(self, fairbench, edit):
        path = edit(lambda values: values["cases"].pop("clip"))
        others = json.loads(path.read_text())["cases"]
        text = fairbench("check", "--baseline", path, "--update", *only("clip")).out
        assert "clip: new, test AUC 0." in text
        now = json.loads(path.read_text())["cases"]
        assert now.pop("clip")
        assert now == others

    def test_does_not_mix_records_from_different_data(self, fairbench, edit):
        path = edit(lambda values: values.update(dataset="0" * 64))
        before = path.read_bytes()
        result = fairbench("check", "--baseline", path, "--update", *only("clip"))
        assert result.code == 2
        assert "cannot be kept" in result.err
        assert path.read_bytes() == before


class TestVariantOfOnesOwn:
    def test_is_checked_from_a_baseline_of_its_own(self, fairbench, tmp_path, monkeypatch):
        monkeypatch.setattr("benchmark.verify.regression.numbers.NOISE_SEEDS", (0,))
        file, baseline = tmp_path / "my_method.py", tmp_path / "mine.json"
        file.write_text(MINE)
        options = ["--baseline", baseline, "--variant", file]
        made = fairbench("check", *options, "--update")
        assert made.out.splitlines()[1].startswith("my-method: new, test AUC ")
        assert list(json.loads(baseline.read_text())["cases"]) == ["my-method"]

        file.write_text(MINE + "# a comment\n")
        result = fairbench("check", *options)
        assert result.code == 0
        assert result.out.startswith("note: my-method: the variant's file has changed\n")

        file.write_text(MINE.replace("self.factor *", "1.001 * self.factor *"))
        result = fairbench("check", *options)
        assert result.code == 1
        assert "step 1 of" in result.out
