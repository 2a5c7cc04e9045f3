"""How many cells and runs an ablation takes; `benchmark.cost` has their time and disk."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.ablation.plan import AblationPlan


def count_lines(plan: AblationPlan) -> Iterator[str]:
    """Yield how many cells each design has, and how many runs they take together."""
    for design in plan.designs:
        sampled = f" from {design.orders} sampled orders" if design.orders else ""
        cells = [plan.cells[cell] for cell in design.cells]
        trained = {run.id for cell in cells for run in cell.variant.values()}
        yield (
            f"{design.name}{sampled}: {len(plan.keys)} keys, {len(cells)} cells, "
            f"{len(trained)} runs of the variant"
        )
    name = plan.settings.baseline
    n_base = sum(config.variant == name for config in plan.runs.values())
    yield (
        f"together {len(plan.cells)} cells, {len(plan.runs)} runs over {len(plan.seeds)} seeds, "
        f"{n_base} of them of the baseline {name}"
    )
    if plan.impossible:
        yield f"{len(plan.impossible)} cells are impossible"
