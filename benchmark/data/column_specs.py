"""What the YAML file of a table says of single columns: label, split, attributes, text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from benchmark.data.cell import canonical


def _plain(value: object) -> object:
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"must be text, a number, yes, no or null, got {value}; quote it")
    return value


Value = Annotated[Any, AfterValidator(_plain)]
"""A cell's value. Numbers compare as numbers (`1` is `1.0`), `yes` and `true` are one value,
`null` is an empty cell."""
Column = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
MOST_CODES = 127
"""Codes are stored in 8 bits."""
UNKNOWN_GROUP = "unknown"


class Part(BaseModel):
    """What every part of a description is: fixed, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClassSpec(Part):
    """One class of the label."""

    name: Name
    """As tables show it."""

    prompt: str = Field(min_length=1)
    """The zero-shot text of the class; also the pair's text under `text_source=label`."""

    values: tuple[Value, ...] = Field(min_length=1)
    """The cells that mean this class."""


class LabelSpec(Part):
    """The label."""

    column: Column
    """The column that holds it."""

    classes: tuple[ClassSpec, ...] = Field(min_length=2, max_length=MOST_CODES)
    """The position is the label. Of two classes the second is the positive one."""

    leave_out: tuple[Value, ...] = ()
    """Cells whose rows are not used, such as -1 for an uncertain finding; counted."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        _require_distinct("class name", (entry.name for entry in self.classes))
        values = [canonical(value) for entry in self.classes for value in entry.values]
        _require_distinct("value", [*values, *map(canonical, self.leave_out)])
        return self


class SplitSpec(Part):
    """Which rows are for training, validation and test: by a column, or drawn by a seed."""

    column: Column | None = None
    """The column that says it; then `train`, `val` and `test` list its values."""

    train: tuple[Value, ...] = ()
    """Cells that mean training."""

    val: tuple[Value, ...] = ()
    """Cells that mean validation."""

    test: tuple[Value, ...] = ()
    """Cells that mean test."""

    seed: int | None = Field(default=None, ge=0)
    """Draws the splits where there is no column: the patients (or images, without a patient
    column) are ranked by SHA-256 of `seed/name`, so the order of rows does not matter."""

    val_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Fraction of patients (or images) for validation, with a seed."""

    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Fraction of patients (or images) for test, with a seed."""

    @model_validator(mode="after")
    def _by_column_or_seed(self) -> Self:
        if (self.column is None) == (self.seed is None):
            raise ValueError("needs either 'column' or 'seed'")
        listed = {"train": self.train, "val": self.val, "test": self.test}
        if self.column is None:
            if given := [name for name, values in listed.items() if values]:
                raise ValueError(f"has '{given[0]}', which belongs to a split by column")
            if self.val_fraction + self.test_fraction >= 1:
                raise ValueError("leaves nothing for training: the fractions add up to 1 or more")
            return self
        if fractions := self.model_fields_set & {"val_fraction", "test_fraction"}:
            raise ValueError(f"has '{min(fractions)}', which belongs to a split by seed")
        if empty := [name for name, values in listed.items() if not values]:
            raise ValueError(f"lists no values for '{empty[0]}'")
        _require_distinct("value", map(canonical, [*self.train, *self.val, *self.test]))
        return self


class AttributeSpec(Part):
    """A protected attribute: named groups of values, or bins of a number."""

    column: Column | None = None
    """The column that holds it; default: the attribute's name."""

    groups: dict[Name, tuple[Value, ...]] = Field(default_factory=dict)
    """Group name → the cells that mean it. The order is the order of tables."""

    otherwise: Name | None = None
    """What a cell that no list holds means: a group's name, `unknown`, or (default) an error."""

    edges: tuple[float, ...] = ()
    """For a number instead of groups: bins from each edge up to, not including, the next.
    `.inf` and `-.inf` are open ends; a number in no bin is an error."""

    names: tuple[Name, ...] = ()
    """Names of the bins; default: made from the edges."""

    unknown: tuple[Value, ...] = ()
    """Cells that mean that the value is not known. An empty cell always does."""

    @field_validator("edges", mode="before")
    @classmethod
    def _no_booleans(cls, edges: Any) -> Any:
        if isinstance(edges, list) and any(isinstance(edge, bool) for edge in edges):
            raise ValueError(f"must be numbers, got {edges}")
        return edges

    @model_validator(mode="after")
    def _groups_or_bins(self) -> Self:
        if bool(self.groups) == bool(self.edges):
            raise ValueError("needs either 'groups' or 'edges'")
        for name, cells in self.groups.items():
            if "" in map(canonical, cells):
                raise ValueError(f"lists an empty cell in group '{name}'; it is always unknown")
        if self.edges:
            self._require_bins()
        elif self.names:
            raise ValueError("has 'names', which belong to 'edges'")
        _require_distinct("group name", self.group_names)
        if not 1 <= len(self.group_names) <= MOST_CODES:
            raise ValueError(f"has {len(self.group_names)} groups; at most {MOST_CODES} are used")
        if any(name.casefold() == UNKNOWN_GROUP for name in self.group_names):
            raise ValueError("has a group 'unknown'; list its values under the key 'unknown'")
        values = [canonical(value) for values in self.groups.values() for value in values]
        _require_distinct("value", [*values, *map(canonical, self.unknown)])
        return self

    def _require_bins(self) -> None:
        if len(self.edges) < 2 or any(
            not low < high for low, high in zip(self.edges, self.edges[1:], strict=False)
        ):
            raise ValueError(f"needs two or more rising edges, got {list(self.edges)}")
        if self.otherwise is not None:
            raise ValueError("has 'otherwise', which belongs to 'groups'")
        if self.names and len(self.names) != len(self.edges) - 1:
            bins = len(self.edges) - 1
            raise ValueError(f"has {len(self.names)} names for {bins} bins")

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups, in the order of their codes."""
        if self.edges:
            pairs = zip(self.edges, self.edges[1:], strict=False)
            return self.names or tuple(_bin_name(low, high) for low, high in pairs)
        extra = self.otherwise not in (None, UNKNOWN_GROUP, *self.groups)
        return (*self.groups, *((self.otherwise,) if extra and self.otherwise else ()))


class TextSpec(Part):
    """The text of each pair: a column, or a template filled from columns."""

    column: Column | None = None
    """The column that holds the text, such as a report."""

    template: str | None = None
    """A text with columns in braces: `A chest X-ray of a {Sex} patient`."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.template is None):
            raise ValueError("needs either 'column' or 'template'")
        if self.template is not None and not self.template.strip():
            raise ValueError("has an empty 'template'")
        if re.search(r"[{}]", re.sub(r"\{[^{}]+\}", "", self.template or "")):
            raise ValueError("has a brace in 'template' that names no column: write {column}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        if self.template is None:
            return (self.column or "",)
        return tuple(dict.fromkeys(re.findall(r"\{([^{}]+)\}", self.template)))


def _bin_name(low: float, high: float) -> str:
    if math.isinf(low):
        return f"under {high:g}" if math.isfinite(high) else "any"
    return f"{low:g} and over" if math.isinf(high) else f"{low:g} to under {high:g}"


def _require_distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"lists the {what} '{name}' twice")
        seen.add(name)
