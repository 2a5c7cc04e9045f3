"""Studies: questions about a whole comparison that need more than its tables of differences.

A suite names its studies under `compare: {studies: [NAME]}`, `fairbench compare --study NAME`
adds one, and `docs/studies.md` says what each of them does. Each adds a section to the report
and tables beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from benchmark.errors import unknown_name

if TYPE_CHECKING:
    from benchmark.comparison import Comparison
    from benchmark.studies.study import Study


@dataclass(frozen=True)
class Entry:
    """A study before it is imported, so that names and questions can be listed at once.

    Attributes:
        question: What the study answers, in a sentence.
        module: Name of a module of this package that defines `study(found) -> Study`.
    """

    question: str
    module: str

    def __call__(self, found: Comparison) -> Study:
        """Return the study of a comparison.

        Raises:
            FairbenchError: a run's files cannot be read.
        """
        done: Study = import_module(f"{__name__}.{self.module}").study(found)
        return done


STUDIES: dict[str, Entry] = {
    "distances": Entry(
        "Do groups' similarities come together, or do all scores shrink?",
        "distances",
    ),
    "dose-response": Entry(
        "Do distance, performance and fairness follow the dose, such as the weight λ?",
        "dose_response",
    ),
    "imbalance": Entry(
        "What happens to metrics, and to their spread, where a training group is small?",
        "imbalance",
    ),
    "mechanism": Entry(
        "Does lowering the distance between groups' scores go with lowering DPD or DEOdds?",
        "mechanism",
    ),
    "pareto": Entry(
        "Which arms lie on the front of performance against each fairness metric, how surely?",
        "pareto",
    ),
}
"""Name → the study; one line each, and one section in `docs/studies.md`."""


def make_studies(names: Iterable[str], found: Comparison) -> list[Study]:
    """Return the studies of these names, each once, in the order given.

    Raises:
        FairbenchError: an unknown name.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in STUDIES:
            raise unknown_name("study", name, STUDIES)
    return [STUDIES[name](found) for name in wanted]
