"""A baseline brought up to date, and what moved as a text for the commit message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import FairbenchError
from benchmark.verify.regression.baseline import (
    Baseline,
    Recorded,
    read_baseline,
    rounded,
    write_baseline,
)
from benchmark.verify.regression.cases import Case, make_cases
from benchmark.verify.regression.check import Progress, announced, compare
from benchmark.verify.regression.conditions import (
    changed_conditions,
    identity_of,
    made_with,
    shared_conditions,
)
from benchmark.verify.regression.deviation import Numbers
from benchmark.verify.regression.numbers import CaseFailedError, measured_tolerances, run_numbers


def update(path: Path, variants: Sequence[str] = (), progress: Progress | None = None) -> str:
    """Write into the baseline what moved, is new or is gone, and return that as a text.

    Cases within their tolerances keep their record, so that small moves cannot add up unseen. A
    case that moved or is new is trained five times more: its tolerances are measured.

    Args:
        path: The baseline; made if it is missing.
        variants: As in `check`. The cases of the variants named are brought up to date and all
            others kept; without names the file then holds those of built-in variants alone.
        progress: Told of every case.

    Raises:
        FairbenchError: a baseline that cannot be read or written, a run that does not end well,
            or records to be kept that were made from other data or initial weights.
    """
    old = read_baseline(path) if path.exists() else None
    cases = make_cases(variants)
    shared = shared_conditions(cases)
    changed = changed_conditions(old, shared) if old else {}
    before = old.cases if old else {}
    after = {n: r for n, r in before.items() if variants and not _is_among(n, cases)}
    comparable = not changed.keys() & {"dataset", "weights"}
    if after and not comparable:
        raise FairbenchError(
            f"{path}: was made from other data or initial weights, so {', '.join(after)} cannot "
            "be kept; name all its variants with --variant"
        )
    changes = []
    for case in announced(cases, progress):
        after[case.name], change = _updated(case, before.get(case.name), comparable)
        changes += change
    changes += [f"{name}: gone" for name in before if name not in after]
    write_baseline(path, Baseline(**shared, cases=after))
    conditions = [f"{name}: {change}" for name, change in changed.items()]
    return "\n".join([f"{path}: cases changed: {len(changes)}", *conditions, *changes])


def _updated(case: Case, old: Recorded | None, comparable: bool) -> tuple[Recorded, list[str]]:
    """Return the record of a case, and in one line or none what changed in it."""
    moved = [row for row in compare(case, old) if row.moved] if old and comparable else []
    if old and comparable and not moved:
        return old, []
    try:
        numbers = run_numbers(case.planned)
        tolerances = measured_tolerances(case.planned, numbers)
    except CaseFailedError as error:
        raise FairbenchError(f"{case.name} {error}; a baseline is of runs that end well") from None
    record = Recorded(
        identity=identity_of(case),
        made_with=made_with(),
        tolerances=tolerances,
        numbers=rounded(numbers),
    )
    if old is None:
        return record, [f"{case.name}: new, test AUC {_auc(numbers):.3f}"]
    what = [
        f"{row.what} by {row.deviation:.2g} ({row.where}: {row.before} → {row.after})"
        for row in moved
    ]
    auc = f"test AUC {_auc(old.series):.3f} → {_auc(numbers):.3f}"
    return record, [f"{case.name}: {'; '.join([*what, auc])}"]


def _is_among(name: str, cases: Sequence[Case]) -> bool:
    return name.split(" ")[0] in {case.planned.config.variant for case in cases}


def _auc(numbers: Numbers) -> float:
    """Return the test AUC, which is the same for every attribute."""
    return next(values[0] for name, values in numbers["metrics"].items() if name.endswith("/auc"))
