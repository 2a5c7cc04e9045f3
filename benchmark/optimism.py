"""How much the choice of the epoch, and of the seed, adds to a reported AUC.

Pure functions of stored runs. For every run the epoch is chosen on random halves of its test set
and judged on the other halves; over seeds this gives an optimism with an interval, for choosing
on the test set (the released code of FairCLIP) and, as a control, on validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.arms import Arm, closest_baseline, make_arms
from benchmark.errors import FairbenchError
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.results import RunStore
from benchmark.selection import SplitScores, select_epoch
from benchmark.stats.multiplicity import adjust
from benchmark.stats.paired import one_sample_t
from benchmark.stats.selection_effect import best_of_k, split_half_optimism
from benchmark.suite_lists import suite_run_ids

RULES = ("test-auc", "val-auc")
"""Choosing on the test set, and the control."""

BEST_OF = 3
"""Seeds of which papers report one, or their mean."""


@dataclass(frozen=True)
class _RunOptimism:
    """One run: rule → optimism, and its AUC at the epoch that is best on the test set."""

    optimism: Mapping[str, float]
    auc: float

    @property
    def excess(self) -> float:
        """Of choosing on the test set, beyond what the same halves show by chance."""
        return self.optimism["test-auc"] - self.optimism["val-auc"]


def selection_optimism(
    results: Path | str,
    *,
    baseline: str = "clip-ft",
    suite: str | None = None,
    n_splits: int = 1000,
) -> pd.DataFrame:
    """Return what each rule adds to the AUC of each variant, in fractions.

    Args:
        results: What `fairbench run --results` wrote to.
        baseline: The label that a variant's optimism is compared with.
        suite: Only the runs of this suite.
        n_splits: Random halves a run.

    Returns:
        One row an arm. Four quantities, each with `_low`, `_high` (95% Student t over seeds) and
        `_p`: `test` and `val`, the optimism of the epoch that each rule chooses; `excess`, the
        first minus the second on the same halves of the same run; and `difference`, the excess
        minus the baseline's, paired by seed (`difference_p_holm`: over all arms). Beside them
        `n` seeds, `mean_auc` by test-auc, and `best_auc`, the expected best of three seeds. NaN
        with a `reason` where something is missing.

    Raises:
        FairbenchError: no run with two stored epochs, an unknown suite, or a damaged run.
    """
    runs = RunStore(Path(results)).read()
    if suite is not None:
        wanted = suite_run_ids(Path(results), suite)
        runs = [run for run in runs if run.id in wanted]
    arms = [arm for arm in make_arms(runs) if arm.trains and arm.done]
    found = {id(arm): _of_arm(arm, n_splits) for arm in arms}
    arms = [arm for arm in arms if found[id(arm)]]
    if not arms:
        raise FairbenchError(
            f"{results}: no finished run of two classes has two stored epochs; there is nothing "
            "to choose from"
        )
    baselines = [arm for arm in arms if arm.label == baseline]
    rows = [_row(arm, found[id(arm)], *_of_baseline(arm, baselines, found)) for arm in arms]
    table = pd.DataFrame(rows)
    table["difference_p_holm"] = adjust(table["difference_p"].to_numpy(np.float64), "holm")
    return table


def _of_arm(arm: Arm, n_splits: int) -> dict[int, _RunOptimism]:
    """Return seed → optimism of the arm's runs that have a choice of epochs."""
    found = {}
    for run in arm.done:
        splits = read_predictions(run.path)
        both = "val" in splits and "test" in splits
        if both and len(splits["test"].epochs) > 1 and splits["test"].score.ndim == 2:
            seed = run.config["seed"] or 0
            found[seed] = _of_run(splits, n_splits, seed)
    return found


def _of_run(splits: Mapping[str, SplitPredictions], n_splits: int, seed: int) -> _RunOptimism:
    # Halves of their own for every seed: shared ones would give all runs one error of the draw,
    # which an interval over seeds does not see. Variants with one seed share them.
    test, val = splits["test"], splits["val"]
    rows = list(range(len(test.epochs)))
    chosen = {
        rule: select_epoch(
            rule,
            rows,
            val=SplitScores(val.score, val.label),
            test=SplitScores(test.score, test.label),
        )
        for rule in RULES
    }
    optimism = {
        rule: split_half_optimism(
            test.label,
            test.score,
            chosen=None if rule == "test-auc" else found.epoch,
            n_splits=n_splits,
            seed=seed,
        ).optimism
        if found.epoch is not None
        else np.nan
        for rule, found in chosen.items()
    }
    return _RunOptimism(optimism, chosen["test-auc"].value)


def _of_baseline(
    arm: Arm, baselines: Sequence[Arm], found: Mapping[int, dict[int, _RunOptimism]]
) -> tuple[dict[int, _RunOptimism], str]:
    """Return the optimism of the baseline's runs, or why there is none to compare with."""
    if arm in baselines:
        return {}, "is the baseline"
    base, confounded = closest_baseline(arm, arm.evaluated[0], baselines)
    if base is None:
        return {}, "no baseline on this test set"
    if confounded:
        return {}, f"confounded: {', '.join(confounded)}"
    return found[id(base)], ""


def _row(
    arm: Arm, ours: Mapping[int, _RunOptimism], theirs: Mapping[int, _RunOptimism], why: str
) -> dict[str, Any]:
    shared = sorted(ours.keys() & theirs.keys())
    levels = {
        "test": [run.optimism["test-auc"] for run in ours.values()],
        "val": [run.optimism["val-auc"] for run in ours.values()],
        "excess": [run.excess for run in ours.values()],
        "difference": [ours[seed].excess - theirs[seed].excess for seed in shared],
    }
    numbers: dict[str, Any] = {}
    for name, values in levels.items():
        known = [value for value in values if np.isfinite(value)]
        test = one_sample_t(known, 0.0)
        numbers |= {name: test.estimate, f"{name}_low": test.low, f"{name}_high": test.high}
        numbers[f"{name}_p"] = test.p
    aucs = [run.auc for run in ours.values()]
    return {
        "dataset": arm.dataset["name"],
        "model": arm.model,
        "protocol": arm.protocol,
        "variant": arm.label,
        "trained_on": "+".join(arm.attributes),
        "n": len(ours),
        **numbers,
        "mean_auc": float(np.mean(aucs)),
        "best_auc": best_of_k(aucs, BEST_OF).expected,
        "reason": why or ("" if shared else "no shared seed"),
    }
