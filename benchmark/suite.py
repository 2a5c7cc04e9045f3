"""Suites: YAML files that name runs and how to compare them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

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
from benchmark.seeds import parse_seeds
from benchmark.suite_sweep import swept
from benchmark.verdicts.analysis import Analysis
from benchmark.yaml_io import read_yaml

SHIPPED = Path(__file__).parent / "suites"
SIZE_ALONE = "--size belongs to --suite: it names one of its sizes"
"""What is wrong with a size that stands alone."""
NAME = r"^[a-z0-9][a-z0-9-]*$"
"""What suites and sizes are called: both become part of a file's name."""


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


class Size(Condition):
    """How large a suite is run: what it is run on, and how often.

    Attributes:
        conditions: Instead of the suite's; None keeps them, laid over the size.
    """

    conditions: dict[str, Condition] | None = None


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
        runs: The variants. `sweep` in one of them stands for several: `benchmark.suite_sweep`.
        conditions: Name → what all runs are repeated under; none is the suite as it stands.
            `--condition NAME` runs some of them.
        sizes: Name → what is laid over the suite, conditions over that; the first is the
            default, `--size NAME` another. None is the suite as it stands.
        compare: How to compare them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    question: str
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    protocol: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    runs: tuple[SuiteRun, ...] = Field(min_length=1)
    conditions: dict[str, Condition] = Field(default_factory=dict)
    sizes: dict[Annotated[str, Field(pattern=NAME)], Size] = Field(default_factory=dict)
    compare: SuiteComparison = Field(default_factory=SuiteComparison)
    _file: Path | None = PrivateAttr(None)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: object) -> tuple[int, ...]:
        return _parsed_seeds(value)

    @field_validator("runs", mode="before")
    @classmethod
    def _runs(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return [one for entry in value for one in swept(entry)]

    @model_validator(mode="after")
    def _conditions_exist(self) -> Suite:
        known = [*self.conditions, *(c for s in self.sizes.values() for c in s.conditions or ())]
        for name in (name for run in self.runs for name in run.conditions):
            if name not in known:
                raise ValueError(str(unknown_name("condition", name, known)))
        return self

    def sized(self, size: str | None = None) -> Suite:
        """Return the suite at one of its sizes, without sizes and named `suite@size`.

        Under that name its runs are listed, so that what was run at one size is never
        compared with what was run at another.

        Args:
            size: None is the first. A suite without sizes is returned as it stands.

        Raises:
            FairbenchError: a size that the suite does not have.
        """
        if size is not None and not self.sizes:
            raise FairbenchError(f"suite '{self.name}' has no sizes; leave out --size")
        if not self.sizes:
            return self
        name = next(iter(self.sizes)) if size is None else size
        if name not in self.sizes:
            raise unknown_name(f"size of suite '{self.name}'", name, self.sizes)
        chosen = self.sizes[name]
        own = self._laid_over(chosen)
        if chosen.conditions is not None:
            own["conditions"] = chosen.conditions
        return self.model_copy(update={**own, "name": f"{self.name}@{name}", "sizes": {}})

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
            # A run that names conditions, which another size has, has no place at this one.
            runs = tuple(run for run in self.runs if not run.conditions)
            return [self.model_copy(update={"runs": runs})] if runs else []
        found = []
        for name, condition in self.conditions.items():
            runs = tuple(run for run in self.runs if name in (run.conditions or [name]))
            if runs and name in (names or [name]):
                own = self._laid_over(condition)
                found.append(self.model_copy(update={**own, "runs": runs}))
        return found

    def _laid_over(self, condition: Condition) -> dict[str, Any]:
        """Return the fields of the suite that a condition or a size changes."""
        fields = ("dataset", "model", "protocol", "seeds")
        own = {name: v for name in fields if (v := getattr(condition, name)) is not None}
        return {**own, "set": {**self.set, **condition.set}}


def _parsed_seeds(value: object) -> tuple[int, ...]:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    try:
        return parse_seeds(text)
    except FairbenchError as error:  # pydantic adds the field, `load_suite` the file
        raise ValueError(str(error)) from error


def load_suite(name: str, size: str | None = None) -> Suite:
    """Return the suite of a shipped name, or of a YAML file, at one of its sizes.

    Args:
        name: The name or file.
        size: None is the first that the suite lists.

    Raises:
        FairbenchError: unknown name or size, a file that is not YAML, or a field that is not
            right; the message names file and field.
    """
    return read_suite(name).sized(size)


def chosen_suite(name: str | None, size: str | None) -> Suite | None:
    """Return the suite that a command names, None if it names none; errors as in `load_suite`."""
    if name is not None:
        return load_suite(name, size)
    if size is not None:
        raise FairbenchError(SIZE_ALONE)
    return None


def read_suite(name: str) -> Suite:
    """Return a suite with all its sizes; errors as in `load_suite`."""
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
