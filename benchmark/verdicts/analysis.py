"""How a comparison is analysed: the settings of `compare`, of a suite, and of a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from benchmark.config import first_problem
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.catalogue import METRICS
from benchmark.stats.multiplicity import METHODS
from benchmark.studies import STUDIES

MARGINS = {"auc": 0.02, "deodds": 0.05}
"""The smallest differences that matter where none are named: 2 points of AUC, 5 of DEOdds."""

CORRECTIONS = (*METHODS, "none")
TESTS = ("auto", "t", "wilcoxon", "sign-flip")
SCOPES = {
    "seeds": "new seeds, these patients",
    "patients": "new seeds and new patients",
}

CLAIMABLE = tuple(
    name
    for name, info in METRICS.items()
    if info.direction and info.unit == "fraction" and not name.startswith(("group_", "class_"))
)
"""Metrics with a better side and one value an attribute: what a verdict can be about."""


class Analysis(BaseModel):
    """What is compared with what, and how verdicts are reached.

    Attributes:
        baseline: A variant's label.
        selection: The selection rule of all rows, or `own`.
        threshold: The decision-threshold rule.
        intersections: Further groupings such as `race×gender`, shown without verdict.
        primary: The metrics of the family.
        margin: Metric → the smallest difference that matters, a fraction; `MARGINS` where a
            metric is not named.
        alpha: Significance level of the whole family.
        correction: How p-values are adjusted over the family.
        test: `auto`, or one test for every claim.
        scope: `seeds`: would it hold with new seeds, on these patients? `patients`: with new
            patients too?
        studies: Names of `benchmark.studies.STUDIES`, each a section of the report without
            verdicts.
    """

    # `threshold: 0.5` without quotes is a number in YAML.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    baseline: str = "clip-ft"
    selection: str = "val-auc"
    threshold: str = "0.5"
    intersections: tuple[str, ...] = ()
    primary: tuple[str, ...] = Field(default=("auc", "deodds"), min_length=1)
    margin: dict[str, float] = Field(default_factory=dict)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    correction: str = "holm"
    test: str = "auto"
    scope: Literal["seeds", "patients"] = "seeds"
    studies: tuple[str, ...] = ()

    @property
    def margins(self) -> dict[str, float]:
        """The margin of each primary metric, and of AUC, which every gain in fairness needs."""
        wanted = dict.fromkeys([*self.primary, "auc"])
        return {name: {**MARGINS, **self.margin}[name] for name in wanted}

    @field_validator("primary", mode="after")
    @classmethod
    def _primary(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _known("metric that a verdict can be about", name, CLAIMABLE)
        if len(set(value)) < len(value):
            raise ValueError(f"names a metric twice: {', '.join(value)}")
        return value

    @field_validator("margin", mode="after")
    @classmethod
    def _margin(cls, value: dict[str, float]) -> dict[str, float]:
        for name, margin in value.items():
            _known("metric that a verdict can be about", name, CLAIMABLE)
            if not 0 < margin < 1:
                raise ValueError(
                    f"of {name} is {margin:g}; expected a fraction between 0 and 1, such as "
                    "0.02 for two percentage points"
                )
        return value

    @field_validator("correction", mode="after")
    @classmethod
    def _correction(cls, value: str) -> str:
        return _known("correction", value, CORRECTIONS)

    @field_validator("studies", mode="after")
    @classmethod
    def _studies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_known("study", name, STUDIES) for name in value)

    @model_serializer(mode="wrap")
    def _without_empty_studies(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out studies where there are none: older plans keep their form and hash."""
        found: dict[str, Any] = handler(self)
        return {name: value for name, value in found.items() if name != "studies" or value}

    @field_validator("test", mode="after")
    @classmethod
    def _test(cls, value: str) -> str:
        return _known("test", value, TESTS)

    @model_validator(mode="after")
    def _consistent(self) -> Analysis:
        known = {*MARGINS, *self.margin}
        without = [name for name in self.primary if name not in known]
        if without:
            raise ValueError(
                f"primary metric '{without[0]}' has no margin: the smallest difference that "
                f"matters, such as {without[0]}=0.05"
            )
        unused = [name for name in self.margin if name not in (*self.primary, "auc")]
        if unused:
            raise ValueError(
                f"margin of '{unused[0]}', which is not primary ({', '.join(self.primary)}); "
                "only primary metrics get verdicts"
            )
        if self.scope == "patients" and self.test != "auto":
            raise ValueError(
                f"test '{self.test}' is over seeds alone; scope 'patients' goes with test 'auto'"
            )
        return self


def analysis_of(**settings: Any) -> Analysis:
    """Return the analysis of these settings.

    Raises:
        FairbenchError: a setting that is not right; the message names it.
    """
    try:
        return Analysis.model_validate(settings)
    except ValidationError as error:
        raise FairbenchError(problem_of(error)) from error


def problem_of(error: ValidationError) -> str:
    """Return one problem of a failed validation in one line."""
    return first_problem(error).removeprefix("key '' ")  # of settings that contradict each other


def _known(kind: str, name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    if name not in names:
        # pydantic adds the field to a ValueError, and the caller adds the file.
        raise ValueError(str(unknown_name(kind, name, names)))
    return name


def parse_margins(text: str) -> dict[str, float]:
    """Return the margins of text such as `auc=0.02,deodds=0.05`.

    Raises:
        FairbenchError: text of another form; which metrics exist is checked by `Analysis`.
    """
    return parse_assignments(text, "--margin", "auc=0.02,deodds=0.05")


def parse_assignments(text: str, option: str, example: str) -> dict[str, float]:
    """Return name → number of `name=number` pairs separated by commas.

    Raises:
        FairbenchError: text of another form, or a name given twice.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not name or value != value:
            raise FairbenchError(f"{option} {text}: expected metric=number, such as {example}")
        if name in found:
            raise FairbenchError(f"{option} {text}: metric '{name}' is given twice")
        found[name] = value
    return found
