"""A plan of the analysis, frozen before the runs: what makes a claim "planned".

`fairbench plan` writes `results/plans/<hash>.yaml`, and every run started after it stores the
hash of the newest plan of its results folder. The hash covers the plan and the time of its
freezing, so a run that holds it was started after that time, and a plan that was edited later
is not the plan of any run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from benchmark.errors import FairbenchError, unknown_name
from benchmark.provenance import stored_provenance
from benchmark.results import StoredRun
from benchmark.seeds import parse_seeds
from benchmark.verdicts.analysis import Analysis, problem_of
from benchmark.yaml_io import read_yaml, write_yaml


class AnalysisPlan(Analysis):
    """The analysis and the family that it is for; variants × attributes × primary metrics.

    Attributes:
        question: What the runs shall answer, in a sentence.
        dataset, model, protocol: Names as tables print them; the protocol with its changed
            keys, such as `tiny[epochs=5]`, is that of the variants that train.
        variants: Labels as tables print them, such as `fairclip` or `fairclip[weight=0]`.
        attributes: On whose groups they are judged.
        seeds: Of every variant that trains; neither more nor fewer.
    """

    question: str
    dataset: str
    model: str
    protocol: str
    variants: tuple[str, ...] = Field(min_length=1)
    attributes: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[int, ...]

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: object) -> tuple[int, ...]:
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        try:
            return parse_seeds(text)
        except FairbenchError as error:  # pydantic adds the field, `read_plan` the file
            raise ValueError(str(error)) from error


@dataclass(frozen=True)
class FrozenPlan:
    """A plan as it was frozen.

    Attributes:
        hash: The first 16 hex digits of the SHA-256 of plan and time.
        frozen: When, in UTC, ISO 8601.
        plan: The plan.
    """

    hash: str
    frozen: str
    plan: AnalysisPlan


def read_plan(path: Path) -> AnalysisPlan:
    """Return the plan of a YAML file.

    Raises:
        FairbenchError: a file that is not YAML, or a field that is not right.
    """
    value = read_yaml(path)
    if not isinstance(value, Mapping):
        raise FairbenchError(f"{path}: a plan is a mapping with question, variants and seeds")
    try:
        return AnalysisPlan.model_validate(value)
    except ValidationError as error:
        raise FairbenchError(f"{path}: {problem_of(error)}") from error


def freeze(plan: AnalysisPlan, results: Path) -> tuple[FrozenPlan, Path]:
    """Write the plan with all its defaults, the time and the hash below a results folder.

    Returns:
        The frozen plan and its file.

    Raises:
        FairbenchError: the folder cannot be written.
    """
    # Margins are written out: a default that changes later must not change a frozen plan.
    content = {**plan.model_dump(mode="json"), "margin": plan.margins}
    frozen = datetime.now(UTC).isoformat(timespec="microseconds")  # two plans a second differ
    found = FrozenPlan(_hash(content, frozen), frozen, AnalysisPlan.model_validate(content))
    path = _folder(results) / f"{found.hash}.yaml"
    text = write_yaml({"hash": found.hash, "frozen": frozen, "plan": content})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FairbenchError(f"{path} cannot be written ({error.strerror})") from error
    return found, path


def frozen_plans(results: Path) -> dict[str, FrozenPlan]:
    """Return hash → plan of a results folder, the newest last.

    Raises:
        FairbenchError: a file that is not what `freeze` wrote, to the letter of its content.
    """
    plans = [_frozen(path) for path in sorted(_folder(results).glob("*.yaml"))]
    return {plan.hash: plan for plan in sorted(plans, key=lambda plan: plan.frozen)}


def newest_plan(results: Path) -> str | None:
    """Return the hash of the plan frozen last in a results folder; None if there is none."""
    return next(reversed(frozen_plans(results)), None)


def find_plan(results: Path, name: str) -> FrozenPlan:
    """Return the plan of a hash or of its beginning; `newest` is the one frozen last.

    Raises:
        FairbenchError: no plan, or several, of that name.
    """
    plans = frozen_plans(results)
    if not plans:
        raise FairbenchError(f"{_folder(results)}: no plan here; `fairbench plan FILE` freezes one")
    if name == "newest":
        return plans[next(reversed(plans))]
    found = [plan for hash_, plan in plans.items() if hash_.startswith(name)]
    if len(found) != 1:
        raise unknown_name(f"plan in {_folder(results)}", name, [*plans, "newest"])
    return found[0]


def plan_of(run: StoredRun) -> str | None:
    """Return the hash of the plan that a run was started under; None if there was none.

    Raises:
        FairbenchError: provenance that cannot be read.
    """
    # A run copied without provenance: under no plan that anybody could check.
    plan: str | None = stored_provenance(run).get("plan")
    return plan


def _frozen(path: Path) -> FrozenPlan:
    stored = read_yaml(path)
    fields = ("hash", "frozen", "plan")
    if not isinstance(stored, Mapping) or set(stored) != set(fields):
        raise FairbenchError(f"{path}: is not a frozen plan; delete it, or freeze it again")
    content, frozen = stored["plan"], stored["frozen"]
    expected = _hash(content, frozen)
    if not stored["hash"] == expected == path.stem:
        raise FairbenchError(
            f"{path}: was changed after it was frozen: its content has the hash {expected}; "
            "restore it, or delete it and freeze the new plan"
        )
    try:
        return FrozenPlan(expected, frozen, AnalysisPlan.model_validate(content))
    except ValidationError as error:  # a plan of another version of fairbench
        raise FairbenchError(f"{path}: {problem_of(error)}") from error


def _hash(content: Any, frozen: Any) -> str:
    text = json.dumps({"frozen": frozen, "plan": content}, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:16]


def _folder(results: Path) -> Path:
    return results / "plans"
