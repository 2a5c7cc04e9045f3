from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import FairbenchError
from benchmark.optimism import selection_optimism

N, EPOCHS = 200, 10


@pytest.fixture
def noise(write_run: Callable[..., Path]) -> Callable[..., None]:
    """Runs whose labels are pure noise; `steady` runs score all epochs alike."""

    def write(label: str, seed: int, steady: bool = False, **more: Any) -> None:
        generator = np.random.default_rng([seed, len(label)])
        labels = {split: np.random.default_rng(5).permutation(N) % 2 for split in ("val", "test")}
        scores = {split: generator.random((EPOCHS, N)).astype(np.float32) for split in labels}
        if steady:
            scores = {split: np.repeat(rows[:1], EPOCHS, axis=0) for split, rows in scores.items()}
        codes = {split: {"race": np.arange(N) % 3} for split in labels}
        write_run(
            label,
            seed,
            label_of=labels,
            scores=scores,
            codes=codes,
            epochs=range(1, EPOCHS + 1),
            **more,
        )

    return write


class TestSelectionOptimism:
    def test_finds_a_planted_leak_and_none_in_the_choice_of_validation(
        self, noise: Callable[..., None], tmp_path: Path
    ) -> None:
        for seed in range(5):
            noise("clip-ft", seed)
        (row,) = selection_optimism(tmp_path / "results", n_splits=300).to_dict("records")
        assert row["n"] == 5
        # An AUC of 50 against 50 samples of noise has a standard deviation of
        # √(101 / (12 · 50 · 50)) = 0.058, and the best of ten lies 1.5 of them above the mean.
        assert 0.05 < row["test"] < 0.13
        assert row["test_low"] > 0
        assert row["val_low"] < 0 < row["val_high"]
        assert row["excess_low"] > 0
        assert row["excess"] == pytest.approx(row["test"] - row["val"])

    def test_is_nothing_where_all_epochs_score_alike(
        self, noise: Callable[..., None], tmp_path: Path
    ) -> None:
        for seed in range(3):
            noise("clip-ft", seed, steady=True)
        (row,) = selection_optimism(tmp_path / "results", n_splits=50).to_dict("records")
        assert row["excess"] == 0

    def test_compares_a_variant_with_the_baseline_by_seed(
        self, noise: Callable[..., None], tmp_path: Path
    ) -> None:
        for seed in range(4):
            noise("clip-ft", seed, steady=True)
            noise("fairclip", seed, trained_on=("race",))
        found = selection_optimism(tmp_path / "results", n_splits=200).set_index("variant")
        variant = found.loc["fairclip"]
        assert variant["difference"] == pytest.approx(variant["excess"])
        assert variant["difference_low"] > 0
        assert variant["difference_p_holm"] == pytest.approx(variant["difference_p"])
        assert np.isnan(found.loc["clip-ft"]["difference"])
        assert found.loc["clip-ft"]["reason"] == "is the baseline"

    def test_needs_a_choice_of_epochs(self, write_run: Callable[..., Path], tmp_path: Path) -> None:
        labels = np.arange(20) % 2
        write_run(
            label_of={"val": labels, "test": labels},
            scores={split: np.linspace(0, 1, 20)[None] for split in ("val", "test")},
            codes={split: {"race": np.arange(20) % 3} for split in ("val", "test")},
        )
        with pytest.raises(FairbenchError, match="nothing to choose from"):
            selection_optimism(tmp_path / "results")
