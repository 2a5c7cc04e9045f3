"""The calibration study: simulated grids of runs, each judged by the whole of `compare`.

A grid is two methods, some seeds, one test set, in a results folder of its own: what `compare`
reads, selects, pairs, tests and corrects. Every second grid has the two methods swapped, so that
both sides of each test are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores
from benchmark.calibration.stored import write_runs
from benchmark.calibration.truth import METRICS, in_population, on_patients, on_test_sets
from benchmark.comparison import compare
from benchmark.data.dataset import SplitName

ALPHA = 0.05

SIZES = ((15, 45, 240), (60, 90, 150))
"""Test samples of each group, the smallest first."""

VALIDATION = (20, 20, 20)
"""Validation samples of each group: with one epoch and threshold ½ they decide nothing."""

NONE, MARGIN = "none", "margin"

EFFECTS = {
    NONE: (Method(1.2, 0.0), Method(1.2, 0.0)),
    MARGIN: (Method(1.2, 0.4), Method(1.4, 0.8)),
}
"""Effect → the two methods. Those of `margin` differ, in every metric, by exactly the margin: the
first has the lower AUC and the smaller gaps."""

FIXED_TEST_SETS = 10
"""Sets of patients that the grids of scope seeds take turns with."""

Truth = dict[str, float]
"""Metric → difference."""

Progress = Callable[[str, int, int], None]
"""Told which setting is simulated, how many grids are done, and how many there are in all."""


@dataclass(frozen=True)
class Setting:
    """What the grids of one cell of the study share.

    Attributes:
        scope: `seeds` or `patients`.
        sizes: Test samples of each group.
        effect: A key of `EFFECTS`.
        n_seeds: Of each method.
    """

    scope: str
    sizes: tuple[int, ...]
    effect: str
    n_seeds: int

    @property
    def name(self) -> str:
        """What progress calls it."""
        return (
            f"{self.n_seeds} seeds, scope {self.scope}, smallest group {self.sizes[0]}, "
            f"effect {self.effect}"
        )

    @property
    def law(self) -> Law:
        """How scores vary. Methods are exchangeable given the patients where these are fixed."""
        return replace(Law(), method_patient=0.0) if self.scope == "seeds" else Law()

    @property
    def key(self) -> list[int]:
        """What its random numbers are seeded by, beside the study's seed."""
        return [*map(ord, self.scope[:1] + self.effect[:1]), *self.sizes]


def settings_of(scopes: Sequence[str], seeds: Sequence[int]) -> list[Setting]:
    """Return the cells of a study. Over seeds alone only the smallest groups are of interest."""
    found = [
        Setting(scope, sizes, effect, n)
        for n, scope, sizes, effect in product(seeds, scopes, SIZES, EFFECTS)
    ]
    return [s for s in found if s.scope == "patients" or s.sizes == SIZES[0]]


def run_study(
    grids: Sequence[int],
    seeds: Sequence[int],
    scopes: Sequence[str],
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> Iterator[pd.DataFrame]:
    """Yield, cell by cell, a row for each claim of each grid: the truth, and what `compare` said.

    Args:
        grids: For each number of seeds how many grids a cell has.
        seeds: Numbers of seeds.
        scopes: Of `benchmark.verdicts.analysis.SCOPES`.
        seed: Of all random numbers: the same arguments give the same table.
        progress: Told after every grid.

    Yields:
        Columns `scope`, `smallest_group`, `effect`, `n_seeds`, `grid`; `truth`, the difference
        on these patients (scope seeds) or in the population (scope patients); `measured`, the
        difference that test sets of this size have on average; and of `Comparison.verdicts`
        what `benchmark.calibration.rates` needs.
    """
    count = dict(zip(seeds, grids, strict=True))
    settings = settings_of(scopes, seeds)
    total, done = sum(count[setting.n_seeds] for setting in settings), 0
    for setting in settings:
        tables = []
        for grid in range(count[setting.n_seeds]):
            tables.append(judged_grid(setting, grid, seed))
            done += 1
            progress(setting.name, done, total)
        yield pd.concat(tables, ignore_index=True)


KEPT = (
    "metric",
    "direction",
    "margin",
    "verdict",
    "difference",
    "low",
    "high",
    "p",
    "p_equivalence",
    "test",
)


def judged_grid(setting: Setting, grid: int, seed: int) -> pd.DataFrame:
    """Simulate one grid, store it, compare it; return its claims with their truth."""
    rng = np.random.default_rng([seed, *setting.key, setting.n_seeds, grid])
    swapped = grid % 2 == 1
    methods = EFFECTS[setting.effect][:: -1 if swapped else 1]
    test, truth, measured = _test_set(setting, grid // 2, seed, rng)
    sign = -1 if swapped else 1
    margin = _difference(in_population, setting.sizes, setting.law, MARGIN, seed)
    if setting.effect == MARGIN:
        margin = {m: abs(truth[m]) if abs(truth[m]) > 0 else margin[m] for m in METRICS}
    patients: dict[SplitName, Patients] = {
        "val": Patients.draw(VALIDATION, 2, setting.law, rng),
        "test": test,
    }
    trainings = Trainings.draw(methods, setting.n_seeds, len(setting.sizes), setting.law, rng)
    scores = {
        name: draw_scores(trainings, part, setting.law, rng) for name, part in patients.items()
    }
    with TemporaryDirectory() as results:
        write_runs(Path(results), ("arm", "baseline"), patients, scores)
        found = compare(
            results,
            baseline="baseline",
            primary=METRICS,
            margin={metric: abs(value) for metric, value in margin.items()},
            alpha=ALPHA,
            scope=setting.scope,
        ).verdicts
    fixed: dict[str, Any] = {
        "scope": setting.scope,
        "smallest_group": setting.sizes[0],
        "effect": setting.effect,
        "n_seeds": setting.n_seeds,
        "grid": grid,
        "truth": sign * found["metric"].map(truth),
        "measured": sign * found["metric"].map(measured),
    }
    return found[list(KEPT)].assign(**fixed)


def _test_set(
    setting: Setting, pair: int, seed: int, rng: np.random.Generator
) -> tuple[Patients, Truth, Truth]:
    """Return patients, the true difference, and what such patients show of it on average.

    Differences are of the methods in the order of `EFFECTS`.
    """
    cell = setting.sizes, setting.law, setting.effect
    if setting.scope == "seeds":
        patients, truth = _fixed_test_set(*cell, pair % FIXED_TEST_SETS, seed)
        return patients, truth, truth
    patients = Patients.draw(setting.sizes, 2, setting.law, rng)
    return patients, _difference(in_population, *cell, seed), _difference(on_test_sets, *cell, seed)


@cache
def _fixed_test_set(
    sizes: tuple[int, ...], law: Law, effect: str, number: int, seed: int
) -> tuple[Patients, Truth]:
    rng = np.random.default_rng([seed, number])
    patients = Patients.draw(sizes, 2, law, rng)
    if effect == NONE:
        return patients, dict.fromkeys(METRICS, 0.0)
    return patients, on_patients(EFFECTS[effect], patients, law, rng)


@cache
def _difference(
    of: Callable[..., Truth], sizes: tuple[int, ...], law: Law, effect: str, seed: int
) -> Truth:
    if effect == NONE:  # the methods are one method
        return dict.fromkeys(METRICS, 0.0)
    return of(EFFECTS[effect], sizes, law, np.random.default_rng(seed))
