"""Performance and fairness metrics of the public evaluation, with its edge cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.as_official import as_official
from benchmark.metrics.evaluate import evaluate
from benchmark.verify.comparison import Comparison
from benchmark.verify.pack import Arrays, Entry, Pack, PackError, by_case
from benchmark.verify.result import CheckResult

RECORD, ARRAYS = "metrics.json", "metrics.npz"
FILES = (RECORD, ARRAYS)

TOLERANCE = 1e-12
"""Absolute; every metric is a ratio of counts."""

_KINDS = {"cases": ("m", "metrics"), "edge_cases": ("e", "metrics-edge-cases")}
_ONE_CLASS, _DIVISION = "UndefinedMetricWarning", "RuntimeWarning"


def check_metrics(pack: Pack) -> list[CheckResult]:
    """Compare every recorded field, of the random cases and of the edge cases."""
    record, arrays = pack.record(RECORD), pack.arrays(ARRAYS)
    entries = {kind: by_case(record.entries(kind)) for kind in _KINDS}
    known = {f"{_KINDS[kind][0]}{number:02d}" for kind in entries for number in entries[kind]}
    for name in arrays.arrays:
        case = name.split("_", 1)[0]
        if case not in known:
            raise PackError(f"{RECORD}: case {case} is missing; {ARRAYS} has its array '{name}'")
    return [_check(kind, entries[kind], arrays) for kind in _KINDS if entries[kind]]


@dataclass(frozen=True)
class _Case:
    """What was evaluated: labels (N,), scores (N,), and codes (attributes, N)."""

    label: NDArray[Any]
    score: NDArray[Any]
    codes: NDArray[Any]

    @classmethod
    def read(cls, prefix: str, arrays: Arrays) -> _Case:
        label = arrays.array(f"{prefix}_label", None)
        score = arrays.array(f"{prefix}_prob", len(label))
        return cls(label, score, arrays.array(f"{prefix}_attrs", None, len(label)))


@dataclass(frozen=True)
class _Attribute:
    """One attribute of a case, evaluated here.

    Attributes:
        groups: Distinct codes, unknown (-1) included: the public code makes it one more group.
        value: (metric, group) → value, of `evaluate`; a group's name is its code.
        official: What `as_official` says.
    """

    groups: list[int]
    value: Mapping[tuple[str, str], float]
    official: Mapping[str, Any]

    @classmethod
    def of(cls, case: _Case, position: int) -> _Attribute:
        present, codes = np.unique(case.codes[position], return_inverse=True)
        names = [str(code) for code in present]
        rows = evaluate(case.label, case.score, codes, names, permutations=1)
        return cls(
            groups=present.tolist(),
            value={(row.metric, row.group): row.value for row in rows},
            official=vars(as_official(case.label, case.score, case.codes[position])),
        )

    def of_groups(self, metric: str) -> list[float]:
        return [self.value[metric, str(group)] for group in self.groups]

    @property
    def one_class(self) -> bool:
        """Whether a group, or everyone, has one class only."""
        return bool(np.isnan([self.value["auc", ""], *self.of_groups("group_auc")]).any())

    @property
    def not_estimable(self) -> set[str]:
        """Return the gaps that fairbench refuses and the public code prints."""
        if len(self.groups) == 1:
            return {"dpd", "deodds"}
        rates = self.of_groups("tpr") + self.of_groups("fpr")
        return {"deodds"} if np.isnan(rates).any() else set()


def _check(kind: str, entries: Mapping[int, Entry], arrays: Arrays) -> CheckResult:
    prefix, name = _KINDS[kind]
    found = Comparison(name, TOLERANCE)
    officially = unknown = total = 0
    for number, entry in entries.items():
        case = _Case.read(f"{prefix}{number:02d}", arrays)
        try:
            attributes = [_Attribute.of(case, position) for position in range(len(case.codes))]
        except ValueError as error:
            raised = type(error).__name__
        else:
            raised = "nothing"
        recorded = entry.text("exception").split(":")[0] if "exception" in entry else "nothing"
        found.same(f"{entry.where}: {raised} raised, recorded {recorded}: it", raised, recorded)
        if raised != "nothing" or recorded != "nothing":
            continue
        _compare_case(found, entry, attributes)
        total += len(attributes)
        officially += sum(bool(attribute.not_estimable) for attribute in attributes)
        unknown += sum(-1 in attribute.groups for attribute in attributes)
    found.notes.append(
        f"through as_official: the disparity of all {total} attributes, and the gaps of"
        f" {officially} that fairbench calls not estimable; unknown made a group in {unknown}"
    )
    return found.result()


def _compare_case(found: Comparison, entry: Entry, attributes: list[_Attribute]) -> None:
    where, count = entry.where, len(attributes)
    first = attributes[0]
    found.number(f"{where}, acc", first.value["accuracy", ""], entry.number("acc"))
    found.number(f"{where}, auc", first.value["auc", ""], entry.number("auc"))
    scalars = {"es_acc": "es_accuracy", "es_auc": "es_auc", "dpd": "dpd", "eod": "deodds"}
    for field, metric in scalars.items():
        for position, recorded in enumerate(entry.numbers(field, count)):
            attribute = attributes[position]
            at = f"{where}, {field} {position}"
            if metric in attribute.not_estimable:
                found.number(f"{at} here", attribute.value[metric, ""], np.nan)
                found.number(f"{at} as official", attribute.official[metric], recorded)
            else:
                found.number(at, attribute.value[metric, ""], recorded)
    rows: dict[str, Callable[[_Attribute], Sequence[float]]] = {
        "groups": lambda a: a.groups,
        "group_sizes": lambda a: a.of_groups("n"),
        "group_positives": lambda a: a.of_groups("n_positive"),
        "group_acc": lambda a: a.of_groups("group_accuracy"),
        "group_aucs": lambda a: a.of_groups("group_auc"),
        "between_group_disparity": lambda a: a.official["disparity"],
        "between_group_disparity_half": lambda a: a.official["disparity_half"],
    }
    for field, ours in rows.items():
        for position, values in enumerate(entry.rows(field, count)):
            found.array(f"{where}, {field} {position}", ours(attributes[position]), values)
    warnings = " ".join(entry.texts("warnings"))
    one_class = any(attribute.one_class for attribute in attributes)
    found.same(f"{where}: a warning of one class", one_class, _ONE_CLASS in warnings)
    divided = any(_divides_by_nothing(attribute) for attribute in attributes)
    found.same(f"{where}: a warning of a division by 0", divided, _DIVISION in warnings)


def _divides_by_nothing(attribute: _Attribute) -> bool:
    """Return whether a disparity is not finite though every AUC is known."""
    disparities = [*attribute.official["disparity"], *attribute.official["disparity_half"]]
    return not attribute.one_class and not np.isfinite(disparities).all()
