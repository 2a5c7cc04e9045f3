import os
from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmark import kept_values as module
from benchmark.errors import FairbenchError
from benchmark.kept_values import kept_values
from benchmark.results import RunStore
from benchmark.values import run_values

RULES = ("last", "val-auc", "val-es-auc", "test-auc")


@pytest.fixture
def stored(tmp_path):
    def read():
        (run,) = RunStore(tmp_path / "results").read()
        return run

    return read


@pytest.fixture
def never(monkeypatch):
    """Make every computation of values fail."""

    def forbid():
        def computed(*_):
            raise AssertionError("values were computed again")

        monkeypatch.setattr(module, "run_values", computed)

    return forbid


def exact(found):
    """Return values as text in which every bit of a number shows."""
    return [repr(asdict(replace(values, run=None))) for values in found]


def of(run, rules=RULES, attributes=("race",), threshold="0.5"):
    return kept_values(run, attributes, rules, threshold)


class TestKeptValues:
    def test_are_those_computed_anew_to_the_last_bit(self, write_scored, stored, never):
        write_scored()
        asked = {t: run_values(stored(), ["race"], RULES, t) for t in ("0.5", "youden")}
        first = {t: of(stored(), threshold=t) for t in asked}
        never()
        for threshold, computed in asked.items():
            again = of(stored(), threshold=threshold)
            assert exact(first[threshold]) == exact(again) == exact(computed)

    def test_of_a_rule_without_an_epoch_the_reason_is_kept(self, write_scored, stored, never):
        write_scored(label_of={"val": np.ones(60, int), "test": np.arange(90) % 2})
        computed = run_values(stored(), ["race"], RULES, "0.5")
        of(stored())
        never()
        assert exact(of(stored())) == exact(computed)

    def test_of_several_classes_too(self, write_run, stored, never):
        rng = np.random.default_rng(1)
        size = {"val": 60, "test": 90}
        write_run(
            label_of={s: np.arange(n) % 3 for s, n in size.items()},
            codes={s: {"race": np.arange(n) // 3 % 3} for s, n in size.items()},
            scores={
                s: rng.dirichlet(np.ones(3), (2, n)).astype(np.float32) for s, n in size.items()
            },
            epochs=(1, 2),
            classes=("x", "y", "z"),
        )
        computed = run_values(stored(), ["race"], RULES, "0.5")
        of(stored())
        never()
        assert exact(of(stored())) == exact(computed)

    def test_what_is_asked_later_is_added(self, write_scored, stored, never):
        write_scored()
        of(stored(), rules=("last",))
        of(stored(), rules=("test-auc",))
        never()
        assert [v.rule for v in of(stored(), rules=("test-auc", "last"))] == ["test-auc", "last"]

    def test_another_score_is_seen_though_size_and_time_are_as_before(
        self, write_scored, stored, edit_predictions
    ):
        folder = write_scored()["folder"]
        before, path = of(stored()), folder / "predictions.parquet"
        times, size = path.stat(), path.stat().st_size

        def swapped(table):
            table["score"] = table["score"].to_numpy()[::-1].copy()
            return table

        edit_predictions(folder, swapped)
        content = path.read_bytes()
        path.write_bytes(content[:size].ljust(size, b" "))  # of equal length, and now damaged
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        if len(content) != size:
            with pytest.raises(FairbenchError, match="cannot be read"):
                of(stored())
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        after = of(stored())
        assert exact(after) == exact(run_values(stored(), ["race"], RULES, "0.5"))
        assert exact(after) != exact(before)

    def test_one_damaged_byte_is_an_error_and_never_the_number_kept(self, write_scored, stored):
        path = write_scored()["folder"] / "predictions.parquet"
        of(stored())
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)
        with pytest.raises(FairbenchError, match="cannot be read"):
            of(stored())
        path.unlink()
        with pytest.raises(FairbenchError, match="cannot be read"):
            of(stored())

    def test_other_group_names_are_seen(self, write_scored, stored):
        folder = write_scored()["folder"]
        of(stored())
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("asian", "Asian"))
        assert {m.group for v in of(stored()) for m in v.metrics} >= {"Asian", "black", "white"}

    def test_other_code_computes_again(self, write_scored, stored, never, monkeypatch):
        write_scored()
        of(stored())
        monkeypatch.setattr(module, "code_digest", lambda: b"other")
        never()
        with pytest.raises(AssertionError, match="computed again"):
            of(stored())

    def test_predictions_that_change_while_they_are_read_are_not_kept(
        self, write_scored, stored, edit_predictions, monkeypatch
    ):
        folder = write_scored()["folder"]
        content = (folder / "predictions.parquet").read_bytes()

        def disturbed(*arguments):
            found = run_values(*arguments)
            edit_predictions(folder, lambda table: table.assign(score=table["score"] / 2))
            return found

        monkeypatch.setattr(module, "run_values", disturbed)
        of(stored())
        monkeypatch.undo()
        halved = run_values(stored(), ["race"], RULES, "0.5")
        assert exact(of(stored())) == exact(halved)
        (folder / "predictions.parquet").write_bytes(content)
        assert exact(of(stored())) == exact(run_values(stored(), ["race"], RULES, "0.5"))

    def test_a_results_folder_that_cannot_be_written_works_without(
        self, write_scored, stored, tmp_path
    ):
        write_scored()
        (tmp_path / "results" / "cache").write_text("no folder")
        assert exact(of(stored())) == exact(run_values(stored(), ["race"], RULES, "0.5"))
