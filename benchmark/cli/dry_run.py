"""What `fairbench run --dry-run` prints, and `fairbench ablate` before it trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.progress import name_of
from benchmark.time_left import in_words

if TYPE_CHECKING:  # brings torch
    from benchmark.cost import RunCost


def cost_lines(runs: Sequence[RunCost], results: Path) -> Iterator[str]:
    """Yield a line for each run, and what all of them will take."""
    for run in runs:
        if run.present:
            yield f"done   {run.id}  {name_of(run.config)}"
        else:
            yield f"to do  {run.id}  {name_of(run.config)}: about {in_words(run.seconds)}"
    yield from total_lines(runs, results)


def total_lines(runs: Sequence[RunCost], results: Path) -> Iterator[str]:
    """Yield how many runs there are, and what those to do will take together."""
    to_do = [run for run in runs if not run.present]
    yield f"{len(runs)} runs in {results}/runs, {len(runs) - len(to_do)} done, {len(to_do)} to do"
    if to_do:
        bases = Counter(run.basis for run in to_do)
        origin = ", ".join(f"{n} from {basis}" for basis, n in bases.items())
        seconds = fsum(run.seconds for run in to_do)
        yield f"time: about {in_words(seconds)} one after another ({origin})"
        yield f"disk: about {sum(run.size for run in to_do) / 1e6:.2f} MB"
