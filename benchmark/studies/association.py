"""Whether distances and gaps go together: over epochs, over seeds and over arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.stats.across_arms import across_arms
from benchmark.stats.multiplicity import adjust
from benchmark.stats.permuted_seeds import PermutedSeeds, between_seeds, within_seeds
from benchmark.studies.courses import DISTANCES, GAPS

FloatArray = NDArray[np.float64]

LEVELS = {
    "epochs": "over the epochs of a run, beyond its arm's course",
    "seeds": "over seeds within arms, at the selected epoch",
    "arms": "over arms (variants and λ) within a seed, at the selected epoch",
}
"""Level → what varies; each is a family of its own."""

TOGETHER, OPPOSITE = "together", "opposite"
UNKNOWN, NOT_ESTIMABLE = "not known yet", "not estimable"

COLUMNS = [
    *["cell", "dataset", "model", "protocol", "attribute", "level", "distance", "gap", "method"],
    *["coefficient", "p", "p_adjusted", "family", "smallest_p", "n_arms", "n_seeds", "n_epochs"],
    *["answer", "reason"],
]


def associations(points: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return one row for each cell, attribute, level, distance and gap.

    Distances enter as log₁₀: they range over decades. A correlation above 0 means that the
    lower distance goes with the lower gap. Levels `epochs` and `seeds` are tested by exchanging
    seeds, `arms` by Student's t over seeds of Spearman's ρ; Holm runs over the tests of one level.
    `answer` is `together` or `opposite` where the adjusted p is at most alpha.

    Args:
        points: What `courses` returns.
        alpha: Level of each family.
    """
    rows = [
        row
        for (cell, attribute), part in points.groupby(["cell", "attribute"], sort=False)
        for row in _of_attribute(part, {"cell": cell, "attribute": attribute})
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    for level in LEVELS:
        here = table["level"] == level
        table.loc[here, "p_adjusted"] = adjust(table.loc[here, "p"].to_numpy(float))
        table.loc[here, "family"] = int(table.loc[here, "p"].notna().sum())
    table["answer"] = [_answer(row, alpha) for row in table.to_dict("records")]
    return table


@dataclass(frozen=True)
class _Whole:
    """Runs that all have the same seeds and epochs.

    Attributes:
        x, y: (seeds, arms, epochs) log₁₀ distance and gap; NaN where there is none.
        chosen: (seeds, arms, 2): both at the selected epoch.
    """

    x: FloatArray
    y: FloatArray
    chosen: FloatArray


def _of_attribute(part: pd.DataFrame, names: dict[str, Any]) -> Iterator[dict[str, Any]]:
    first = part.iloc[0]
    names = {**names, **{name: first[name] for name in ("dataset", "model", "protocol")}}
    for distance in DISTANCES:
        for gap in GAPS:
            whole = _whole(part, distance, gap)
            shape = dict(zip(("n_seeds", "n_arms", "n_epochs"), whole.x.shape, strict=True))
            common = {**names, **shape, "distance": distance, "gap": gap}
            yield {**common, "level": "epochs", **_over_epochs(whole)}
            yield {**common, "level": "seeds", **_over_seeds(whole)}
            yield {**common, "level": "arms", **_over_arms(whole)}


def _whole(part: pd.DataFrame, distance: str, gap: str) -> _Whole:
    """Return what all arms have in common: arms × seeds × epochs."""
    part = part.assign(log=np.log10(part[distance].where(part[distance] > 0)))
    arms = part["arm"].drop_duplicates().tolist()
    seeds = _common(part, "seed", arms)
    inside = part[part["seed"].isin(seeds)]
    epochs = _common(inside, "epoch", arms)
    shape = (len(seeds), len(arms), len(epochs))
    index = pd.MultiIndex.from_product([seeds, arms, epochs], names=["seed", "arm", "epoch"])
    grid = inside.set_index(index.names).reindex(index)
    chosen = inside[inside["selected"]].set_index(["seed", "arm"])
    pairs = pd.MultiIndex.from_product([seeds, arms], names=["seed", "arm"])
    return _Whole(
        grid["log"].to_numpy(float).reshape(shape),
        grid[gap].to_numpy(float).reshape(shape),
        chosen.reindex(pairs)[["log", gap]].to_numpy(float).reshape(*shape[:2], 2),
    )


def _common(part: pd.DataFrame, column: str, arms: Sequence[str]) -> list[int]:
    """Return the values that every arm has."""
    held = [set(part.loc[part["arm"] == arm, column]) for arm in arms]
    return sorted(set.intersection(*held)) if held else []


def _over_epochs(whole: _Whole) -> dict[str, Any]:
    complete = np.isfinite(whole.x).all(axis=(0, 1)) & np.isfinite(whole.y).all(axis=(0, 1))
    n = int(complete.sum())
    if n < 2 or len(whole.x) < 2:
        return _missing(f"{len(whole.x)} seeds and {n} epochs that all arms have; needs 2 of each")
    found = within_seeds(whole.x[..., complete], whole.y[..., complete])
    return {**_tested(found), "n_epochs": n}


def _over_seeds(whole: _Whole) -> dict[str, Any]:
    chosen = _complete(whole.chosen)
    if len(chosen) < 2:
        return {**_missing(f"{len(chosen)} seeds that all arms have; needs 2"), "n_epochs": 1}
    found = between_seeds(chosen[..., 0], chosen[..., 1])
    return {**_tested(found), "n_seeds": len(chosen), "n_epochs": 1}


def _over_arms(whole: _Whole) -> dict[str, Any]:
    chosen = _complete(whole.chosen)
    if not len(chosen):
        return {**_missing("no seed has a value in every arm"), "n_epochs": 1}
    found = across_arms(chosen[..., 0], chosen[..., 1])
    return {
        "method": found.method,
        "coefficient": found.estimate,
        "p": found.p,
        "smallest_p": 0.0,
        "n_seeds": found.n,
        "n_epochs": 1,
        "reason": found.reason,
    }


def _complete(chosen: FloatArray) -> FloatArray:
    """Return the seeds with both values in every arm."""
    kept: FloatArray = chosen[np.isfinite(chosen).all(axis=(1, 2))]
    return kept


def _tested(found: PermutedSeeds) -> dict[str, Any]:
    return {
        "method": f"correlation, {found.n_assignments} exchanges of {found.seeds} seeds",
        "coefficient": found.r,
        "p": found.p,
        "smallest_p": found.smallest_p,
        "reason": found.reason,
    }


def _missing(reason: str) -> dict[str, Any]:
    return {"method": "", "coefficient": nan, "p": nan, "smallest_p": nan, "reason": reason}


def _answer(row: dict[Any, Any], alpha: float) -> str:
    if np.isnan(row["p"]):
        return NOT_ESTIMABLE
    if row["p_adjusted"] > alpha:
        return UNKNOWN
    return TOGETHER if row["coefficient"] > 0 else OPPOSITE
