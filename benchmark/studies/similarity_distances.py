"""How far each group's image–note similarities lie from everyone's, and why that changes.

S holds the scores s·⟨Iᵢ, Tᵢ⟩ of the test set after the selected epoch (s: logit scale), S_g those
of group g, and d_g = ½·W₂²(S_g, S) is exact. With σ² the variance of S,

    Σ_g d_g = σ² · Σ_g d_g/σ²,

so a ratio of two total distances is a ratio of variances, which no grouping enters, times a ratio
of what is left when both sets of scores are brought to one spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.arms import closest_baseline
from benchmark.metrics.intersections import group_codes
from benchmark.predictions import read_predictions
from benchmark.results import StoredRun
from benchmark.stats.paired import t_interval
from benchmark.stats.wasserstein import half_w2_squared
from benchmark.summary import names_of

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

N_PERMUTED = 50
"""Random groups behind each value by chance."""

GROUP_COLUMNS = [
    *["arm", "dataset", "test_set", "weights", "model", "protocol", "variant", "trained_on"],
    *["attribute", "seed", "selection", "epoch", "run", "group", "n", "sd", "distance"],
    *["relative", "relative_permuted", "reason"],
]
PARTS = ("total", "spread", "shape")
"""Ratios to the baseline of Σ_g d_g, of σ², and of Σ_g d_g/σ²; the first is the others' product."""

CHANGE_COLUMNS = [
    *["arm", "dataset", "test_set", "weights", "model", "protocol", "variant", "trained_on"],
    *["attribute", "selection", "n_pairs", "confounded"],
    *(name for part in PARTS for name in (part, f"{part}_low", f"{part}_high")),
    "reason",
]


def group_distances(found: Comparison) -> pd.DataFrame:
    """Return one row for each arm, attribute, seed and group, under the comparison's rule.

    Returns:
        `n` samples of the group; `sd` σ of everyone's scores; `distance` d_g in squared units of
        the scores; `relative` √(2·d_g)/σ, W₂ in standard deviations, with its mean over random
        groups of n samples, `relative_permuted`; NaN with a `reason` where a run has no epoch or
        no similarities.
    """
    main = found.summary.loc[found.summary["main_rule"], ["arm", "attribute", "selection"]]
    runs = found.per_seed.merge(main.drop_duplicates(), on=["arm", "attribute", "selection"])
    chosen: dict[str, list[Mapping[Any, Any]]] = {}
    for row in runs.drop_duplicates(["run", "attribute"]).to_dict("records"):
        chosen.setdefault(row["run"], []).append(row)
    rows = [
        {**names_of(arm), **row}
        for arm in found.arms
        for run in arm.done
        for row in _of_run(run, chosen.get(run.id, []))
    ]
    return pd.DataFrame(rows, columns=GROUP_COLUMNS).astype({"seed": "Int64", "epoch": "Int64"})


def _of_run(run: StoredRun, chosen: Sequence[Mapping[Any, Any]]) -> Iterator[dict[str, Any]]:
    test = read_predictions(run.path)["test"]
    epochs = pd.read_parquet(run.path / "epochs.parquet")
    scales = epochs[epochs["kind"] == "logit_scale"].set_index("epoch")["value"]
    order = np.random.default_rng(0).random((N_PERMUTED, len(test.label))).argsort(axis=1)
    for row in chosen:
        common = {name: row[name] for name in ("attribute", "selection", "run", "epoch")}
        common["seed"] = run.config["seed"]
        known = run.config["dataset"]["attributes"]
        codes, groups = group_codes(row["attribute"], test.codes, known)
        if pd.isna(row["epoch"]):
            yield {**common, "group": "", "reason": str(row["reason"])}
            continue
        at = int(np.flatnonzero(test.epochs == row["epoch"])[0])
        scale = scales.get(int(row["epoch"]), np.nan)
        score = test.similarity[at].astype(np.float64) * scale
        for code, group in enumerate(groups):
            common |= {"group": group, "n": int((codes == code).sum()), "reason": ""}
            if not np.isfinite(score).all():
                yield {**common, "reason": "no similarities are stored"}
            elif common["n"] == 0:
                yield {**common, "reason": "no sample in the group"}
            else:
                yield {**common, **_distance(score, codes == code, order)}


def _distance(
    score: NDArray[np.float64], inside: NDArray[np.bool_], order: NDArray[np.intp]
) -> dict[str, Any]:
    sd, n = float(score.std()), int(inside.sum())
    distance = half_w2_squared(score[inside], score)
    if sd == 0:
        return {"sd": sd, "distance": distance, "reason": "all scores are equal"}
    by_chance = [(2 * half_w2_squared(score[one[:n]], score)) ** 0.5 for one in order]
    return {
        "sd": sd,
        "distance": distance,
        "relative": (2 * distance) ** 0.5 / sd,
        "relative_permuted": float(np.mean(by_chance)) / sd,
    }


def changes(found: Comparison, groups: pd.DataFrame) -> pd.DataFrame:
    """Return each arm's ratios to the baseline: one row for each arm and attribute.

    A ratio is the geometric mean over seeds of arm over baseline, paired by seed, with the 95%
    Student t interval of its logarithm. An arm or baseline without seed is one value beside
    every seed of the other. None is given against a baseline under other conditions.

    Args:
        found: The comparison.
        groups: Its `group_distances`.
    """
    rules: dict[tuple[str, str], str] = {}
    logs: dict[tuple[str, str], dict[int | None, tuple[float, float, float]]] = {}
    for (identity, attribute), of_arm in groups.groupby(["arm", "attribute"], sort=False):
        key = (str(identity), str(attribute))
        rules[key], logs[key] = of_arm["selection"].iloc[0], _logs(of_arm)
    baselines = [arm for arm in found.arms if arm.label == found.baseline and arm.done]
    rows = []
    for (identity, attribute), ours in logs.items():
        arm = next(arm for arm in found.arms if arm.runs[0].id == identity)
        base, confounded = closest_baseline(arm, attribute, baselines)
        if base is arm:
            continue
        row = {**names_of(arm), "attribute": attribute, "confounded": ", ".join(confounded)}
        row["selection"] = rules[identity, attribute]
        if base is None or confounded:
            rows.append({**row, "n_pairs": 0, "reason": "no baseline under the same conditions"})
            continue
        pairs = _pairs(ours, logs.get((base.runs[0].id, attribute), {}))
        if not pairs:
            row["reason"] = "no seed has distances above 0 on both sides"
        for k, part in enumerate(PARTS):
            ratio = t_interval([a[k] - b[k] for a, b in pairs])
            ends = np.exp([ratio.mean, ratio.low, ratio.high]).tolist()
            row |= dict(zip((part, f"{part}_low", f"{part}_high"), ends, strict=True))
        rows.append({"reason": "", **row, "n_pairs": len(pairs)})
    return pd.DataFrame(rows, columns=CHANGE_COLUMNS)


def _logs(rows: pd.DataFrame) -> dict[int | None, tuple[float, float, float]]:
    """Return seed → logarithms of the `PARTS`, where all groups have a distance."""
    found: dict[int | None, tuple[float, float, float]] = {}
    for seed, of_seed in rows.groupby("seed", dropna=False, sort=False):
        total, sd = of_seed["distance"].sum(skipna=False), of_seed["sd"].iloc[0]
        if total > 0 and sd > 0:
            log, spread = float(np.log(total)), 2 * float(np.log(sd))
            found[None if pd.isna(seed) else int(str(seed))] = (log, spread, log - spread)
    return found


def _pairs(
    ours: Mapping[int | None, tuple[float, ...]], theirs: Mapping[int | None, tuple[float, ...]]
) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    if None in ours:
        return [(ours[None], value) for value in theirs.values()]
    if None in theirs:
        return [(value, theirs[None]) for value in ours.values()]
    return [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
