"""From cells to runs: which configuration a cell is, where a key has no effect, what cannot be.

A cell is planned like any other run, so that cells shared by designs, by other ablations or by
suites are trained once. Keys without effect in a cell are left at their default there, as
everywhere: the cell is then the same run as the one without the change, and its effect is 0 by
construction. A cell that no run can be, because its values exclude each other, keeps the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.ablation.design import Cell, neighbours
from benchmark.ablation.keys import AblationKey, End
from benchmark.config import RunConfig, with_keys
from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan


@dataclass(frozen=True)
class PlannedRun:
    """One run of a cell: its configuration and its id."""

    config: RunConfig
    id: str


@dataclass(frozen=True)
class PlannedCell:
    """The runs of a cell.

    Attributes:
        cell: Which keys are changed.
        rule: The selection rule.
        variant, baseline: Seed → run; both empty if the cell is impossible. A baseline without
            a seed has one run for all.
        impossible: Why there can be no such run; "" if there can.
    """

    cell: Cell
    rule: str
    variant: Mapping[int, PlannedRun] = field(default_factory=dict)
    baseline: Mapping[int, PlannedRun] = field(default_factory=dict)
    impossible: str = ""


def plan_cells(
    cells: Iterable[Cell], keys: Sequence[AblationKey], left: End, right: End, seeds: Sequence[int]
) -> dict[Cell, PlannedCell]:
    """Return the runs of every cell.

    Args:
        cells: Of one or several designs.
        keys: What their positions stand for.
        left: The end where no key is changed.
        right: The end where all are.
        seeds: Of the runs.

    Raises:
        FairbenchError: one of the ends cannot be had, or a variant whose scores no seed moves.
    """
    trained: dict[Cell, PlannedCell] = {}
    found = {}
    for cell in cells:
        changed = [
            part for key, is_to in zip(keys, cell, strict=True) if is_to for part in key.parts
        ]
        rule = right.rule if any(part.scope == "selection" for part in changed) else left.rule
        # Which rule selects is no matter of the run.
        core = tuple(is_to and key.trains for key, is_to in zip(keys, cell, strict=True))
        values = {p.name: p.right for p in changed if p.scope != "selection"}
        if core not in trained:
            try:
                trained[core] = _runs(left, values, seeds)
            except FairbenchError as error:
                if not any(cell) or all(cell):  # the ends themselves: what the user asked for
                    raise
                trained[core] = PlannedCell(core, "", impossible=str(error))
        found[cell] = replace(trained[core], cell=cell, rule=rule)
    return found


def _runs(left: End, values: Mapping[str, Any], seeds: Sequence[int]) -> PlannedCell:
    """Return the runs of `from` with some of its keys replaced."""
    from benchmark.execute import plan_run  # brings torch

    configs = plan(_with_effective_keys(left, values))
    name = left.config.variant
    if any(config.seed is None for config in configs if config.variant == name):
        raise FairbenchError(f"variant '{name}': no seed moves its scores, so nothing has a spread")
    runs = [(config, PlannedRun(config, plan_run(config).id)) for config in configs]
    variant = {config.seed: run for config, run in runs if config.variant == name}
    base = {config.seed: run for config, run in runs if config.variant != name}
    return PlannedCell(
        (),
        "",
        variant={seed: variant[seed] for seed in seeds},
        baseline={seed: base[seed] if seed in base else base[None] for seed in seeds},
    )


def _with_effective_keys(left: End, values: Mapping[str, Any]) -> Request:
    """Return the request of `from` with `values`, without the keys that have no effect there.

    `plan` takes a key without effect for an error of the user; here it is one of the design.
    """
    idle: set[str] = set()
    for model in (left.config.objective, left.config.protocol):
        own = {name: v for name, v in values.items() if name in type(model).model_fields}
        idle |= with_keys(model, own, f"variant '{left.config.variant}'").unused_keys()
    changes = {**left.request.changes, **values}
    kept = {name: value for name, value in changes.items() if name not in idle}
    return replace(left.request, changes=kept)


def without_effect(
    cells: Mapping[Cell, PlannedCell], key: int
) -> tuple[list[tuple[Cell, Cell]], list[tuple[Cell, Cell]]]:
    """Return the pairs of cells that differ in one key: those it leaves the same, and all.

    Args:
        cells: Of a design; impossible ones are left out.
        key: Position of the key.
    """
    possible = [cell for cell, planned in cells.items() if not planned.impossible]
    pairs = neighbours(possible, key)
    same = [(a, b) for a, b in pairs if _what_counts(cells[a]) == _what_counts(cells[b])]
    return same, pairs


def _what_counts(planned: PlannedCell) -> tuple[str, list[str], list[str]]:
    variant, baseline = planned.variant.values(), planned.baseline.values()
    return planned.rule, [run.id for run in variant], [run.id for run in baseline]
