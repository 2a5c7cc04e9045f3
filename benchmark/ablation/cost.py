"""What an ablation costs, before it starts: counts, and time and disk from finished runs."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmark.ablation.plan import AblationPlan
from benchmark.results import RunStore


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


def cost_line(plan: AblationPlan, store: RunStore) -> str:
    """Return how many runs are there, and what the others take by the mean of those.

    Time is that of training and evaluation, without loading; disk that of the run folders.
    """
    done = [run_id for run_id in plan.runs if store.finished(run_id)]
    todo = len(plan.runs) - len(done)
    head = f"{len(done)} of {len(plan.runs)} runs are there, {todo} to do"
    if not todo:
        return head
    if not done:
        return f"{head}; time and disk are not known before the first of them is finished"
    seconds = [_seconds(store, run_id) for run_id in done]
    size = [sum(f.stat().st_size for f in (store.runs / i).iterdir()) for i in done]
    minutes, megabytes = (todo * sum(x) / len(done) for x in (seconds, size))
    return f"{head}: about {minutes / 60:.1f} minutes and {megabytes / 1e6:.1f} MB"


def _seconds(store: RunStore, run_id: str) -> float:
    table = pd.read_parquet(store.runs / run_id / "epochs.parquet")
    return float(table.loc[table["kind"] == "seconds", "value"].sum())
