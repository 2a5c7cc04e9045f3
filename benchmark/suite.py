"""Suites: YAML files that name runs and how to compare them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from benchmark.config import DatasetConfig, ModelConfig, first_problem
from benchmark.errors import FairbenchError, unknown_name
from benchmark.results import replace_json
from benchmark.seeds import parse_seeds
from benchmark.verdicts.analysis import Analysis
from benchmark.yaml_io import read_yaml

SHIPPED = Path(__file__).parent / "suites"


class SuiteRun(BaseModel):
    """One variant of a suite.

    Attributes:
        variant: Name or path of the variant.
        attributes: Train one run for each; empty keeps the variant's own.
        set: Keys of objective or protocol, for this variant alone.
        conditions: Under which of the suite's conditions it runs; empty is all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant: str
    attributes: tuple[str, ...] = ()
    set: dict[str, Any] = Field(default_factory=dict)
    conditions: tuple[str, ...] = ()


class Condition(BaseModel):
    """What a suite is repeated under: another dataset, another model, another protocol.

    Attributes:
        dataset, model, protocol, seeds: None keeps the suite's.
        set: Keys laid over the suite's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: DatasetConfig | None = None
    model: ModelConfig | None = None
    protocol: str | None = None
    seeds: tuple[int, ...] | None = None
    set: dict[str, Any] = Field(default_factory=dict)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: object) -> object:
        return None if value is None else _parsed_seeds(value)


class SuiteComparison(Analysis):
    """How `fairbench compare --suite` compares and judges the runs."""


class Suite(BaseModel):
    """Which runs make which table.

    Attributes:
        name: The suite's name; its list of run ids is stored under it.
        question: What the suite answers, in a sentence.
        dataset, model: Shared by all runs.
        protocol: Preset shared by all runs; None is the model's default.
        set: Keys of the protocol, or of every variant that has them.
        seeds: Such as `0-4`, `0,2,7` or a list.
        runs: The variants.
        conditions: Name → what all runs are repeated under; none is the suite as it stands.
            `--condition NAME` runs some of them.
        compare: How to compare them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    question: str
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    protocol: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    runs: tuple[SuiteRun, ...] = Field(min_length=1)
    conditions: dict[str, Condition] = Field(default_factory=dict)
    compare: SuiteComparison = Field(default_factory=SuiteComparison)
    _file: Path | None = PrivateAttr(None)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: object) -> tuple[int, ...]:
        return _parsed_seeds(value)

    @model_validator(mode="after")
    def _conditions_exist(self) -> Suite:
        for name in (name for run in self.runs for name in run.conditions):
            if name not in self.conditions:
                raise ValueError(str(unknown_name("condition", name, self.conditions)))
        return self

    def under(self, names: Sequence[str] = ()) -> list[Suite]:
        """Return the suite once for each condition, with that condition's runs and settings.

        Args:
            names: Conditions; empty is all of them.

        Raises:
            FairbenchError: a name that the suite does not have.
        """
        for name in names:
            if name not in self.conditions:
                raise unknown_name(f"condition of suite '{self.name}'", name, self.conditions)
        if not self.conditions:
            return [self]
        found = []
        for name, condition in self.conditions.items():
            runs = tuple(run for run in self.runs if name in (run.conditions or [name]))
            if runs and name in (names or [name]):
                own = condition.model_dump(exclude_none=True, exclude={"dataset", "model", "set"})
                own |= {"runs": runs, "set": {**self.set, **condition.set}}
                own |= {k: v for k in ("dataset", "model") if (v := getattr(condition, k))}
                found.append(self.model_copy(update=own))
        return found


def _parsed_seeds(value: object) -> tuple[int, ...]:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    try:
        return parse_seeds(text)
    except FairbenchError as error:  # pydantic adds the field, `load_suite` the file
        raise ValueError(str(error)) from error


def load_suite(name: str) -> Suite:
    """Return the suite of a shipped name, or of a YAML file.

    Raises:
        FairbenchError: unknown name, a file that is not YAML, or a field that is not right;
            the message names file and field.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{name}.yaml"
        if not path.is_file():
            raise unknown_name("suite", name, shipped_suites())
    value = read_yaml(path)
    if not isinstance(value, Mapping):
        raise FairbenchError(f"{path}: a suite is a mapping with name, question and runs")
    try:
        suite = Suite.model_validate(value)
    except ValidationError as error:
        raise FairbenchError(f"{path}: {first_problem(error)}") from error
    suite._file = path
    return suite


@contextmanager
def blamed_on(suite: Suite | None, unless: Collection[str] = ()) -> Iterator[None]:
    """Name the suite's file in errors about what it asks for.

    Errors stay as they are without a file, and where they name a key in `unless`: one that the
    command laid over the suite.
    """
    try:
        yield
    except FairbenchError as error:
        if suite is None or suite._file is None:
            raise
        if any(f"'{name}'" in str(error) for name in unless):
            raise
        raise FairbenchError(f"{suite._file}: {error}") from error


def shipped_suites() -> list[str]:
    """Return the names of the suites that ship with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def store_suite(results: Path, suite: Suite, run_ids: Sequence[str]) -> Path:
    """Write the list of a suite's run ids to `results/suites/<name>.json`."""
    path = _list_path(results, suite.name)
    replace_json(
        path,
        {"name": suite.name, "compare": suite.compare.model_dump(), "runs": list(run_ids)},
    )
    return path


def suite_run_ids(results: Path, name: str) -> set[str]:
    """Return the run ids of a suite that was run into this results folder."""
    return set(_stored(results, name)["runs"])


def stored_comparison(results: Path, name: str | None) -> SuiteComparison:
    """Return how a stored suite asks to be compared; the defaults without a suite."""
    if name is None:
        return SuiteComparison()
    return SuiteComparison.model_validate(_stored(results, name)["compare"])


def _stored(results: Path, name: str) -> dict[str, Any]:
    path = _list_path(results, name)
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.json"))
        raise unknown_name(f"suite in {results}", name, known)
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        SuiteComparison.model_validate(stored["compare"])
        return {**stored, "runs": list(stored["runs"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FairbenchError(
            f"{path}: is not a suite's list of runs; run the suite again to write it anew"
        ) from error


def _list_path(results: Path, name: str) -> Path:
    return results / "suites" / f"{name}.json"
