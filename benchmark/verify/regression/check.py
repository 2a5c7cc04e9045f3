"""Cases trained again and compared with their records.

Metrics are computed from the *recorded* scores, so that their tolerance need not cover a pair of
samples that changes places: what moves a metric is its code, what moves a score is the training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import FairbenchError
from benchmark.verify.regression.baseline import (
    Baseline,
    Recorded,
    read_back,
    read_baseline,
    rounded,
)
from benchmark.verify.regression.cases import Case, make_cases
from benchmark.verify.regression.conditions import (
    changed_conditions,
    changed_keys,
    identity_of,
    made_with,
    shared_conditions,
)
from benchmark.verify.regression.deviation import QUANTITIES, deviation
from benchmark.verify.regression.numbers import CaseFailedError, metrics_of, run_numbers

Progress = Callable[[str, int, int], None]
"""Told the case that starts, how many are done, and how many there are."""

_OTHER = {"dataset": "other synthetic data", "weights": "other initial weights"}


@dataclass(frozen=True)
class Row:
    """One quantity of one case beside its record.

    Attributes:
        case: The case's name.
        what: A key of `QUANTITIES`; `keys` for the configuration, `run` for how it ended.
        deviation: The largest; relative for terms and gradient norms, else in the quantity's
            unit. Infinite where the two cannot be compared.
        tolerance: What is allowed.
        where: The first place above it, or the place that deviates most.
        before, after: What stands there in the record, and now.
    """

    case: str
    what: str
    deviation: float
    tolerance: float
    where: str = ""
    before: str = ""
    after: str = ""

    @property
    def moved(self) -> bool:
        """Whether the deviation is above its tolerance."""
        return not self.deviation <= self.tolerance


@dataclass(frozen=True)
class Report:
    """The outcome of a check.

    Attributes:
        notes: What differs between now and then and may explain the rest, a line each.
        rows: All comparisons, by case.
    """

    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing moved."""
        return not any(row.moved for row in self.rows)


def check(path: Path, variants: Sequence[str] = (), progress: Progress | None = None) -> Report:
    """Train the cases of the variants and compare them with the baseline in a file.

    Args:
        path: The baseline.
        variants: Names or `*.py` files; by default all built-in ones, and no others.
        progress: Told of every case.

    Raises:
        FairbenchError: a baseline that cannot be read, from other data or initial weights, or
            of other cases; nothing is trained then.
    """
    baseline = read_baseline(path)
    cases = make_cases(variants)
    changed = changed_conditions(baseline, shared_conditions(cases))
    _require_same_inputs(path, changed)
    _require_same_cases(path, baseline, cases, every=not variants)
    rows: list[Row] = []
    for case in announced(cases, progress):
        rows += compare(case, baseline.cases[case.name])
    notes = [f"{name} {change}" for name, change in changed.items()]
    return Report((*notes, *_notes(baseline, cases, rows)), tuple(rows))


def compare(case: Case, recorded: Recorded) -> list[Row]:
    """Train a case and return its quantities beside the record, changed keys first."""
    rows = [
        Row(case.name, "keys", math.inf, 0.0, name, str(before), str(after))
        for name, before, after in changed_keys(recorded.identity, identity_of(case))
    ]
    before = recorded.series
    try:
        metrics = metrics_of(case.planned.data, before["scores"])
    except (ValueError, KeyError) as error:
        raise FairbenchError(
            f"baseline, case '{case.name}': recorded scores do not fit the data ({error}); restore "
            "the file, or delete it and make it anew with --update"
        ) from None
    try:
        now = read_back(rounded({**run_numbers(case.planned), "metrics": metrics}))
    except CaseFailedError as error:
        return [*rows, Row(case.name, "run", math.inf, 0.0, "", "done", str(error))]
    for quantity in QUANTITIES:
        tolerance = recorded.tolerances[quantity]
        found = deviation(quantity, before[quantity], now[quantity], tolerance)
        values = f"{found.before:.7g}", f"{found.after:.7g}"
        rows.append(Row(case.name, quantity, found.largest, tolerance, found.where, *values))
    return rows


def announced(cases: Sequence[Case], progress: Progress | None) -> Iterator[Case]:
    """Yield the cases and say so."""
    for done, case in enumerate(cases):
        if progress is not None:
            progress(case.name, done, len(cases))
        yield case


def _require_same_inputs(path: Path, changed: dict[str, str]) -> None:
    if other := [name for name in _OTHER if name in changed]:
        hashes = ", ".join(f"{name} {changed[name]}" for name in changed)
        raise FairbenchError(
            f"{path}: made from {' and '.join(_OTHER[name] for name in other)} ({hashes}), so all "
            "numbers differ; if that is meant, --update makes it anew"
        )


def _require_same_cases(path: Path, baseline: Baseline, cases: Sequence[Case], every: bool) -> None:
    names = [case.name for case in cases]
    new = [name for name in names if name not in baseline.cases]
    gone = [name for name in baseline.cases if name not in names]
    problems = [f"lacks {', '.join(new)}"] if new else []
    if every and gone:
        problems.append(f"holds {', '.join(gone)}, which is not built in")
    if problems:
        raise FairbenchError(
            f"{path}: {' and '.join(problems)}; --update takes that in, "
            "--variant checks the variants that it names and no others"
        )


def _notes(baseline: Baseline, cases: Sequence[Case], rows: Sequence[Row]) -> Iterator[str]:
    for case in cases:
        source = baseline.cases[case.name].identity.get("source")
        if source != case.planned.identity.get("source"):
            yield f"{case.name}: the variant's file has changed"
    moved = {row.case for row in rows if row.moved}
    for then in sorted({baseline.cases[name].made_with for name in moved} - {made_with()}):
        yield f"recorded with {then}; this is {made_with()}"
