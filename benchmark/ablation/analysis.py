"""`ablate` after its runs: effects of keys on levels and gains, as tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmark.ablation.design import TOTAL, Cell, Design
from benchmark.ablation.effects import Effect, FloatArray, effects, family_of
from benchmark.ablation.outcomes import QUESTIONS, cell_name, cell_values
from benchmark.ablation.plan import AblationPlan
from benchmark.errors import FairbenchError
from benchmark.metrics.catalogue import METRICS
from benchmark.report.notebook import Displayed
from benchmark.results import RunStore

if TYPE_CHECKING:
    from benchmark.report.model import Report

NAMES = ("design", "question", "metric", "direction", "attribute", "term", "key", "change")
"""The columns that name an effect."""


@dataclass(frozen=True)
class Ablation(Displayed):
    """The outcome of `ablate`.

    Attributes:
        plan: What was done.
        effects: Tidy: one row for each design, question, metric and term, in fractions.
        by_seed: The same effects seed by seed, `value` a fraction.
        cells: Tidy: the values of each cell, seed and metric, and the runs they are from.
        runs: One row for each run: id, label, seed, state, message.
    """

    plan: AblationPlan
    effects: pd.DataFrame
    by_seed: pd.DataFrame
    cells: pd.DataFrame
    runs: pd.DataFrame

    @cached_property
    def report(self) -> Report:
        """The report, from which every form of it is laid out."""
        from benchmark.ablation.report import ablation_report

        return ablation_report(self)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without suffix → the table that is written as CSV."""
        from benchmark.ablation.keys_section import keys_table

        return {
            "effects": self.effects,
            "effects_by_seed": self.by_seed,
            "cells": self.cells,
            "keys": keys_table(self.plan),
            "runs": self.runs,
        }

    def write(self, out: Path, formats: Collection[str] = ("html",)) -> list[Path]:
        """Write `ablation.md` and the tables as CSV files to a folder; return their paths.

        Args:
            out: The folder, made if need be.
            formats: Of `benchmark.report.write.FORMATS`, beside Markdown and CSV.

        Raises:
            FairbenchError: an unknown format, or a folder that cannot be written.
        """
        from benchmark.report.write import write_report

        return write_report(out, "ablation", self.report, self.tables, formats)


def analyse_ablation(plan: AblationPlan, store: RunStore) -> Ablation:
    """Return the effects of an ablation from its stored runs.

    Raises:
        FairbenchError: a run is missing or damaged, or effects do not add up.
    """
    states = _runs_table(plan, store)
    cells = cell_values(
        plan.cells,
        plan.keys,
        store,
        attribute=plan.attribute,
        metrics=plan.settings.metrics,
        threshold=plan.settings.threshold,
    )
    rows: list[dict[str, Any]] = []
    by_seed: list[dict[str, Any]] = []
    for design in plan.designs:
        for question in QUESTIONS:
            for metric in plan.settings.metrics:
                values, lacking = _values(plan, cells[cells["metric"] == metric], question)
                found = effects(design, values, lacking, plan.settings.alpha)
                for effect in found:
                    names = _names(plan, design, question, metric, effect)
                    rows.append({**names, **_numbers(effect)})
                    by_seed += [
                        {**names, "seed": plan.seeds[s], "value": value}
                        for s, value in effect.by_seed.items()
                    ]
    seed_table = pd.DataFrame(by_seed, columns=[*NAMES, "seed", "value"])
    return Ablation(plan, pd.DataFrame(rows), seed_table, cells, states)


def _values(
    plan: AblationPlan, rows: pd.DataFrame, question: str
) -> tuple[dict[Cell, FloatArray], dict[Cell, str]]:
    """Return cell → (n_seeds,) of one metric, and why cells without any value have none."""
    values: dict[Cell, FloatArray] = {}
    lacking = {
        cell: f"'{cell_name(cell, plan.keys)}', impossible: {reason}"
        for cell, reason in plan.impossible.items()
    }
    of_cell = {str(name): part for name, part in rows.groupby("cell", sort=False)}
    for cell in plan.cells:
        if cell in lacking:
            continue
        found = of_cell[cell_name(cell, plan.keys)].set_index("seed").loc[list(plan.seeds)]
        values[cell] = found[question].to_numpy(np.float64)
        if not np.isfinite(values[cell]).any():
            reasons = "; ".join(dict.fromkeys(found["reason"]))
            lacking[cell] = f"'{cell_name(cell, plan.keys)}': {reasons}"
    return values, lacking


def _names(
    plan: AblationPlan, design: Design, question: str, metric: str, effect: Effect
) -> dict[str, Any]:
    contrast = effect.contrast
    keys = [plan.keys[j] for j in contrast.keys]
    who = ("all", "")
    if contrast.term != TOTAL:
        who = " × ".join(key.name for key in keys), "; ".join(key.change for key in keys)
    direction = METRICS[metric].direction
    names = (design.name, question, metric, direction, plan.attribute, contrast.term, *who)
    return dict(zip(NAMES, names, strict=True))


def _numbers(effect: Effect) -> dict[str, Any]:
    found = effect.result
    term = effect.contrast.term
    family = "" if term == TOTAL else f"{effect.family} tests: {family_of(term)}"
    return {
        "effect": found.estimate,
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "p": found.p,
        "p_adjusted": effect.p_adjusted,
        "family": family,
        "sd": found.sd,
        "n_seeds": found.n,
        "seeds_left_out": effect.left_out,
        "se_orders": effect.se_orders,
        "n_cells": len(effect.contrast.weights),
        "test": found.method,
        "reason": found.reason,
    }


def _runs_table(plan: AblationPlan, store: RunStore) -> pd.DataFrame:
    """Return one row a run, whatever became of it."""
    stored = {run.id: run for run in store.read()}
    absent = [config for run_id, config in plan.runs.items() if run_id not in stored]
    if absent:
        raise FairbenchError(
            f"{store.results}: {len(absent)} of {len(plan.runs)} runs of this ablation are not "
            f"there, the first is {absent[0].label} with seed {absent[0].seed}; "
            "leave out --analyse-only to train them"
        )

    def rows() -> Iterator[dict[str, Any]]:
        for run_id, config in plan.runs.items():
            run = stored[run_id]
            yield {
                "run": run_id,
                "variant": config.label,
                "protocol": config.protocol_label,
                "seed": config.seed,
                "state": run.state,
                "message": run.status.get("message", ""),
            }

    return pd.DataFrame(rows()).astype({"seed": "Int64"})
