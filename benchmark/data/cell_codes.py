"""From the text of a cell to a code, as a table's description says."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping

from benchmark.data.cell import canonical, number_of
from benchmark.data.column_specs import UNKNOWN_GROUP, AttributeSpec, LabelSpec
from benchmark.data.dataset import UNKNOWN

LEFT_OUT = -2
"""The code of a label whose row is not used."""

CodeOf = Callable[[str], int]
"""Returns the code of a cell, or raises a ValueError that says which cells have one."""


def label_code(spec: LabelSpec) -> CodeOf:
    """Return the function from a cell to its class, or to `LEFT_OUT`."""
    code = {canonical(v): i for i, entry in enumerate(spec.classes) for v in entry.values}
    code |= dict.fromkeys(map(canonical, spec.leave_out), LEFT_OUT)
    knows = ", ".join(f"{entry.name} ({values_shown(entry.values)})" for entry in spec.classes)
    return lookup(code, f"the label knows {knows}; add it to a class, or to label.leave_out")


def group_code(name: str, spec: AttributeSpec) -> CodeOf:
    """Return the function from a cell to its group, or to `UNKNOWN`; `name` is the attribute's."""
    unknown = {"", *map(canonical, spec.unknown)}
    if spec.edges:
        return _bin_code(name, spec, unknown)
    groups = spec.group_names
    code = dict.fromkeys(unknown, UNKNOWN)
    code |= {canonical(v): groups.index(g) for g, values in spec.groups.items() for v in values}
    reason = (
        f"attribute '{name}' knows {', '.join(groups)}; add it to a group or to 'unknown', or set"
        " 'otherwise'"
    )
    if spec.otherwise is None:
        return lookup(code, reason)
    rest = UNKNOWN if spec.otherwise == UNKNOWN_GROUP else groups.index(spec.otherwise)
    return lambda cell: code.get(canonical(cell), rest)


def _bin_code(name: str, spec: AttributeSpec, unknown: set[str]) -> CodeOf:
    edges = spec.edges

    def code_of(cell: str) -> int:
        if canonical(cell) in unknown:
            return UNKNOWN
        number = number_of(cell)
        if number is None:
            raise ValueError(f"attribute '{name}' has edges, so it must be a number or unknown")
        if not edges[0] <= number < edges[-1]:
            raise ValueError(
                f"the bins of attribute '{name}' go from {edges[0]:g} up to, not including,"
                f" {edges[-1]:g}; widen 'edges'"
            )
        return bisect_right(edges, number) - 1

    return code_of


def lookup(code: Mapping[str, int], reason: str) -> CodeOf:
    """Return the function from a cell to its code; other cells raise a ValueError with `reason`."""

    def code_of(cell: str) -> int:
        found = code.get(canonical(cell))
        if found is None:
            raise ValueError(reason)
        return found

    return code_of


def values_shown(values: Iterable[object]) -> str:
    """Return the values of a list for a message."""
    return ", ".join("empty" if value in (None, "") else str(value) for value in values)
