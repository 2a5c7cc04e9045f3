"""What `ablate` is going to do: ends, keys, designs, cells, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.ablation.cells import PlannedCell, plan_cells
from benchmark.ablation.design import DESIGNS, Cell, Design, sampled_shapley, sort_cells
from benchmark.ablation.keys import (
    AblationKey,
    End,
    EndSpec,
    Part,
    choose_keys,
    parts_between,
    resolve_end,
)
from benchmark.ablation.outcomes import METRICS
from benchmark.config import RunConfig
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.threshold import THRESHOLDS
from benchmark.plan import Request
from benchmark.registry import find_variant

MAX_EXACT = 6
"""Keys that take training, up to which all cells are run without being asked twice: 64 a seed."""

ORDERS = 20
"""Orders that are sampled for Shapley values above `MAX_EXACT`."""


@dataclass(frozen=True)
class Settings:
    """How an ablation is made and judged.

    Attributes:
        designs: Keys of `DESIGNS`.
        keys: Names of keys, `a+b` for merged ones, in the order of the ladder; empty: all.
        baseline: The variant whose runs gains are measured against.
        metrics: Of `benchmark.ablation.outcomes.METRICS`.
        threshold: Decision-threshold rule.
        alpha: Intervals have confidence 1 − alpha.
        orders: Sampled orders of Shapley values; None: exact where `MAX_EXACT` allows.
        orders_seed: Of those orders.
        large: Run all cells of more than `MAX_EXACT` keys.
    """

    designs: Sequence[str] = ("one-at-a-time",)
    keys: Sequence[str] = ()
    baseline: str = "clip-ft"
    metrics: Sequence[str] = ("auc", "es_auc", "dpd", "deodds")
    threshold: str = "0.5"
    alpha: float = 0.05
    orders: int | None = None
    orders_seed: int = 0
    large: bool = False

    def check(self) -> None:
        """Raise FairbenchError for a name or number that cannot be used."""
        for kind, names, known in (
            ("design", self.designs, DESIGNS),
            ("metric", self.metrics, METRICS),
            ("threshold rule", [self.threshold], THRESHOLDS),
        ):
            for name in names:
                if name not in known:
                    raise unknown_name(kind, name, known)
        if not 0 < self.alpha < 0.5:
            raise FairbenchError(f"alpha is {self.alpha:g}; expected a number between 0 and 0.5")
        if self.orders is not None and self.orders < 2:
            raise FairbenchError(f"orders is {self.orders}; a standard error takes at least 2")


@dataclass(frozen=True)
class AblationPlan:
    """An ablation before it is run.

    Attributes:
        left, right: The ends.
        keys: What is changed, in order.
        held: Where the ends differ too, and which stays as in `from`.
        designs: With their contrasts.
        cells: Of all designs.
        seeds: Of the runs.
        attribute: Whose groups are compared.
        settings: As given.
    """

    left: End
    right: End
    keys: Sequence[AblationKey]
    held: Sequence[Part]
    designs: Sequence[Design]
    cells: Mapping[Cell, PlannedCell]
    seeds: Sequence[int]
    attribute: str
    settings: Settings

    @property
    def runs(self) -> dict[str, RunConfig]:
        """Id → configuration of every run, each once: variants before baselines."""
        sides = [cell.variant for cell in self.cells.values()]
        sides += [cell.baseline for cell in self.cells.values()]
        return {run.id: run.config for side in sides for run in side.values()}

    @property
    def impossible(self) -> Mapping[Cell, str]:
        """Cell → why no run can be it."""
        return {cell: p.impossible for cell, p in self.cells.items() if p.impossible}


def plan_ablation(
    left: EndSpec, right: EndSpec, request: Request, settings: Settings | None = None
) -> AblationPlan:
    """Return the runs of an ablation; nothing is trained, but data and model are read.

    Args:
        left: What is said of `from`.
        right: What is said of `to`.
        request: What both share: data, model, seeds, keys, and the attribute that is trained on
            and judged; by default the first that `from` trains on.
        settings: How it is made and judged.

    Raises:
        FairbenchError: unknown names, ends that cannot be compared, or too many cells.
    """
    settings = settings or Settings()
    settings.check()
    seeds = tuple(request.seeds if request.seeds is not None else (0,))
    attribute = _attribute(left, request)
    request = replace(request, attributes=(attribute,), seeds=seeds)
    start = resolve_end(left, request, settings.baseline)
    end = resolve_end(right, request, settings.baseline)
    parts = parts_between(start, end)
    keys = choose_keys(parts, settings.keys)
    chosen = {part for key in keys for part in (p.name for p in key.parts)}
    designs = [_design(name, keys, settings) for name in dict.fromkeys(settings.designs)]
    cells = sort_cells(cell for design in designs for cell in design.cells)
    _check_attribute(attribute, start)
    return AblationPlan(
        left=start,
        right=end,
        keys=keys,
        held=[part for part in parts if part.name not in chosen],
        designs=designs,
        cells=plan_cells(cells, keys, start, end, seeds),
        seeds=seeds,
        attribute=attribute,
        settings=settings,
    )


def _attribute(left: EndSpec, request: Request) -> str:
    """Return the attribute that is judged."""
    if len(request.attributes) > 1:
        raise FairbenchError(
            f"ablate is about one attribute, got {', '.join(request.attributes)}; repeat the "
            "command for another (runs that ignore groups are shared)"
        )
    own = find_variant(left.variant).objective.trains_on
    if not request.attributes and not own:
        raise FairbenchError(f"'{left.variant}' trains on no attribute: name one with --attribute")
    return (*request.attributes, *own)[0]


def _check_attribute(attribute: str, end: End) -> None:
    """Raise FairbenchError for an attribute that the data does not have, before runs start."""
    from benchmark.execute import plan_run  # brings torch

    known = plan_run(end.config).data.schema.attributes
    if attribute not in known:
        raise unknown_name("attribute", attribute, known)


def _design(name: str, keys: Sequence[AblationKey], settings: Settings) -> Design:
    k, trained = len(keys), sum(key.trains for key in keys)
    small = trained <= MAX_EXACT or settings.large
    if name == "shapley" and (settings.orders is not None or not small):
        return sampled_shapley(k, settings.orders or ORDERS, settings.orders_seed)
    if name == "factorial" and not small:
        raise FairbenchError(
            f"design 'factorial' over {trained} keys takes {2**trained} trainings for each seed; "
            "name fewer with --keys, merge some (a+b), take --design shapley, or give --yes"
        )
    return DESIGNS[name](k)
