from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.comparison import Comparison, compare
from benchmark.report.markdown import block_lines
from benchmark.report.ranking_section import ranking_section

N = 60


@pytest.fixture
def grid(write_run: Callable[..., Path]) -> Callable[[int], np.ndarray]:
    """Write three methods on so many test sets; return the AUCs, (blocks, methods)."""

    def write(blocks: int) -> np.ndarray:
        label = np.arange(N) % 2
        codes = {split: {"race": np.arange(N) % 3} for split in ("val", "test")}
        found = []
        for block in range(blocks):
            draw = np.random.default_rng(block)
            for strength, name in ((0.0, "clip-ft"), (0.4, "fairclip"), (1.0, "mmd-gaussian")):
                score = 1 / (1 + np.exp(-(strength * label + draw.normal(size=N))))
                write_run(
                    name,
                    0,
                    label_of=dict.fromkeys(codes, label),
                    scores=dict.fromkeys(codes, score[None]),
                    codes=codes,
                    test_set=f"{block}" * 64,
                    own="last",
                )
                wins = stats.mannwhitneyu(
                    *(score.astype(np.float32)[label == k] for k in (1, 0))
                ).statistic
                found.append(wins / (N // 2) ** 2)
        return np.reshape(found, (blocks, 3))

    return write


def markdown(found: Comparison) -> str:
    return "\n".join(block_lines(ranking_section(found), {}))


class TestRankingSection:
    def test_refuses_few_blocks_in_one_sentence(
        self, grid: Callable[[int], np.ndarray], tmp_path: Path
    ) -> None:
        grid(2)
        text = markdown(compare(tmp_path / "results", selection="last"))
        assert "Not ranked (AUC ↑ by race, DEOdds ↓ by race): 2 blocks" in text
        assert "Friedman" not in text

    def test_ranks_methods_by_what_scipy_says_of_their_aucs(
        self, grid: Callable[[int], np.ndarray], tmp_path: Path
    ) -> None:
        aucs = grid(6)
        text = markdown(compare(tmp_path / "results", selection="last"))
        chi2 = stats.friedmanchisquare(*aucs.T).statistic
        assert f"6 blocks. Friedman χ² {chi2:.2f}" in text
        ranks = stats.rankdata(-aucs, axis=1).mean(axis=0)
        for name, rank in zip(("clip-ft", "fairclip", "mmd-gaussian"), ranks, strict=True):
            assert f"| {name} | {rank:.2f} |" in text
        assert "| clip-ft – fairclip |" in text.replace("fairclip – clip-ft", "clip-ft – fairclip")
