"""What `fairbench run --dry-run` prints, and `fairbench ablate` before it trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.progress import name_of
from benchmark.cores import usable_cores
from benchmark.time_left import in_words, makespan

if TYPE_CHECKING:  # brings torch
    from benchmark.cost import RunCost


def cost_lines(runs: Sequence[RunCost], results: Path, parallel: int = 1) -> Iterator[str]:
    """Yield a line for each run, and what all of them will take."""
    for run in runs:
        if run.present:
            yield f"done   {run.id}  {name_of(run.config)}"
        else:
            yield f"to do  {run.id}  {name_of(run.config)}: about {in_words(run.seconds)}"
    yield from total_lines(runs, results, parallel)


def total_lines(runs: Sequence[RunCost], results: Path, parallel: int = 1) -> Iterator[str]:
    """Yield how many runs there are, and what those to do will take, so many at a time."""
    to_do = [run for run in runs if not run.present]
    yield f"{len(runs)} runs in {results}/runs, {len(runs) - len(to_do)} done, {len(to_do)} to do"
    if to_do:
        bases = Counter(run.basis for run in to_do)
        origin = ", ".join(f"{n} from {basis}" for basis, n in bases.items())
        seconds = fsum(run.seconds for run in to_do)
        yield f"time: about {in_words(seconds)} one after another ({origin})"
        if parallel > 1:
            yield f"time: about {in_words(_side_by_side(to_do, parallel))} {parallel} side by side"
        yield f"disk: about {sum(run.size for run in to_do) / 1e6:.2f} MB"


def _side_by_side(runs: Sequence[RunCost], parallel: int) -> float:
    """Return the seconds of runs side by side; no more at a time than the cores can drive."""
    threads = max(run.config.threads for run in runs)
    at_once = min(parallel, max(usable_cores() // threads, 1))
    return makespan((run.seconds for run in runs), at_once)
