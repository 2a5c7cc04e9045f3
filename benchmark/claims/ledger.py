"""A ledger: what a paper claims, in a form that runs can answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from benchmark.errors import FairbenchError, unknown_name
from benchmark.published.cells import UNITLESS
from benchmark.verdicts.analysis import CLAIMABLE, problem_of
from benchmark.yaml_io import read_yaml

SHIPPED = Path(__file__).parent / "ledgers"

OF_GROUP = ("group_auc", "group_accuracy")
"""Metrics of one group, which a claim then names."""

CLAIM_METRICS = (*CLAIMABLE, *OF_GROUP, *UNITLESS)

OTHER_GROUPS = "other groups"
"""What a claim that orders groups is against."""

ORDERS = ("highest", "lowest")

Direction = Literal["better", "worse", "not-better", "equivalent", "highest", "lowest"]

_EXPANDED = ("dataset", "variant", "metric", "attribute")
"""Fields that may hold several values: the entry is then one claim for each combination."""

_Model = TypeVar("_Model", bound=BaseModel)


class LedgerClaim(BaseModel):
    """One claim.

    With δ the improvement of `variant` over `against`, signed so that positive is better, and m
    `by_more_than`: `better` says δ > m, `worse` δ < −m, `not-better` δ ≤ m, `equivalent`
    |δ| < m. `highest` and `lowest` say that the AUC of `group` is above (below) that of every
    other group of the attribute by more than m.

    Attributes:
        id: Its name in the ledger; an entry with several values adds them.
        entry: The id of the entry that it comes from.
        text: The claim in words.
        source: Where the paper says so: table or section.
        dataset: Name of the dataset that it is about, as schemas have it.
        models: open_clip architectures (with the weights `openai`) that it is about, `blip2` for
            any BLIP-2; none is every model.
        variant: A label as tables print it, such as `fairclip` or `linear-probe[backbone=clip-ft]`.
        metric: A metric of `compare`; `sinkhorn` may be claimed and cannot be judged.
        attribute: Whose groups.
        group: Of a metric of one group.
        against: Another label, or `other groups`.
        direction: What is claimed.
        by_more_than: m, a fraction: 0.02 is two percentage points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][\w.=\[\], +/-]*$")
    entry: str
    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    dataset: str = Field(min_length=1)
    models: tuple[str, ...] = ()
    variant: str = Field(min_length=1)
    metric: str
    attribute: str = Field(min_length=1)
    group: str = ""
    against: str = Field(min_length=1)
    direction: Direction
    by_more_than: float = Field(default=0.0, ge=0, lt=1)

    @property
    def orders_groups(self) -> bool:
        """Whether it compares groups of one arm, rather than two arms."""
        return self.direction in ORDERS

    @field_validator("metric", mode="after")
    @classmethod
    def _metric(cls, value: str) -> str:
        if value not in CLAIM_METRICS:
            raise ValueError(str(unknown_name("metric of a claim", value, CLAIM_METRICS)))
        return value

    @model_validator(mode="after")
    def _consistent(self) -> LedgerClaim:
        if self.metric in OF_GROUP and not self.group:
            raise ValueError(f"field 'group' is empty; {self.metric} is of one group")
        if self.group and self.metric not in OF_GROUP:
            raise ValueError(
                f"field 'group' is '{self.group}' and metric '{self.metric}' is of all samples; "
                f"metrics of a group: {', '.join(OF_GROUP)}"
            )
        if self.orders_groups != (self.against == OTHER_GROUPS):
            raise ValueError(
                f"field 'against' is '{self.against}' and direction '{self.direction}'; "
                f"{' and '.join(ORDERS)} go with against '{OTHER_GROUPS}', and nothing else does"
            )
        if self.orders_groups and self.metric != "group_auc":
            raise ValueError(f"field 'metric' is '{self.metric}'; groups are ordered by group_auc")
        if self.against == self.variant:
            raise ValueError(f"field 'against' is '{self.against}', the variant itself")
        if self.direction == "equivalent" and not self.by_more_than:
            raise ValueError("field 'by_more_than' is 0; 'equivalent' needs a margin above 0")
        return self


class Ledger(BaseModel):
    """The claims of one paper.

    Attributes:
        name: Of the ledger.
        paper: Authors, title, venue.
        not_covered: What the paper claims and this form cannot say, a sentence each.
        defaults: Fields laid under every entry.
        claims: As the file has them; `expanded` is one for each combination of values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    paper: str
    not_covered: tuple[str, ...] = ()
    defaults: dict[str, Any] = Field(default_factory=dict)
    claims: tuple[dict[str, Any], ...] = Field(min_length=1)


@dataclass(frozen=True)
class Claims:
    """A ledger that was read.

    Attributes:
        ledger: Name, paper, and what is not covered.
        claims: Every claim, in the order of the file.
    """

    ledger: Ledger
    claims: tuple[LedgerClaim, ...]


def load_ledger(name: str) -> Claims:
    """Return the ledger of a shipped name, or of a YAML file.

    Raises:
        FairbenchError: an unknown name, a file that is not YAML, a field that is not right (the
            message names file, entry, field and value), or one id twice.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{name}.yaml"
        if not path.is_file():
            raise unknown_name("ledger of claims", name, shipped_ledgers())
    value = read_yaml(path)
    if not isinstance(value, Mapping):
        raise FairbenchError(f"{path}: a ledger is a mapping with name, paper and claims")
    ledger = _validated(Ledger, value, str(path))
    claims: dict[str, LedgerClaim] = {}
    for number, entry in enumerate(ledger.claims, 1):
        where = f"{path}: claim {number} ('{entry.get('id', 'without id')}')"
        for fields in _combinations({**ledger.defaults, **entry}, where):
            claim = _validated(LedgerClaim, fields, where)
            if claim.id in claims:
                raise FairbenchError(f"{where}: field 'id' is '{claim.id}' a second time; rename")
            claims[claim.id] = claim
    return Claims(ledger, tuple(claims.values()))


def shipped_ledgers() -> list[str]:
    """Return the names of the ledgers that ship with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def _combinations(fields: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Yield the fields once for each combination of those with several values."""
    if "entry" in fields:
        raise FairbenchError(f"{where}: unknown field 'entry'")
    several = {name: fields[name] for name in _EXPANDED if isinstance(fields.get(name), list)}
    for name, values in several.items():
        if not values:
            raise FairbenchError(f"{where}: field '{name}' is []; expected a value or several")
    entry = fields.get("id")
    for values in product(*several.values()):
        parts = [str(value) for value in (entry, *values)]
        yield {
            **fields,
            **dict(zip(several, values, strict=True)),
            "id": "/".join(parts) if several else entry,
            "entry": entry,
        }


def _validated(model: type[_Model], fields: Mapping[str, Any], where: str) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise FairbenchError(f"{where}: {problem_of(error)}") from error
