"""`benchmark.ablate`, from names to a report."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import benchmark
from benchmark.ablation.plan import Settings
from benchmark.errors import FairbenchError
from benchmark.results import RunStore

KEYS = ("normalise", "selection")


def ablate(mini: Path, results: Path, **more: Any) -> Any:
    return benchmark.ablate(
        "fairclip",
        "a-fairclip",
        changes={"epochs": 2, "batch_size": 32},
        dataset="fairvlmed",
        data_dir=mini,
        seeds=[0, 1],
        device="cpu",
        results=results,
        **{"settings": Settings(keys=KEYS, designs=("one-at-a-time", "shapley")), **more},
    )


class TestAblate:
    def test_trains_what_is_missing_and_finds_what_the_steps_find_one_by_one(
        self, ablated: Any, mini: Path, tmp_path: Path
    ) -> None:
        expected, store = ablated
        results = tmp_path / "results"
        shutil.copytree(store.results, results)
        trained = {row["variant_run"] for row in expected.cells.to_dict("records")}
        shutil.rmtree(results / "runs" / min(trained))
        found = ablate(mini, results)
        states = {run.id: run.state for run in RunStore(results).read()}
        assert states[min(trained)] == "done"
        theirs = expected.effects[expected.effects["design"].isin(("one-at-a-time", "shapley"))]
        pd.testing.assert_frame_equal(
            found.effects.reset_index(drop=True), theirs.reset_index(drop=True)
        )
        found.write(tmp_path / "report")
        assert "a-fairclip" in (tmp_path / "report" / "ablation.md").read_text(encoding="utf-8")

    def test_without_training_it_needs_the_runs(self, mini: Path, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError):
            ablate(mini, tmp_path / "empty", analyse_only=True)
        assert not (tmp_path / "empty" / "runs").exists()

    def test_a_preset_for_one_end_alone_is_refused(self, mini: Path, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match="go together"):
            ablate(mini, tmp_path, to_protocol="official")
