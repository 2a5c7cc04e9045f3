"""What a sequential analysis was to be, and what its looks found: a file that only grows.

`results/sequential/<suite>.json` holds the design, fixed before the first look, and every look
made. Each part's hash covers the one before, so a design, margin or verdict that is changed
afterwards is an error, and calling again goes on after the last look and repeats none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.data.file_index import sha256_of
from benchmark.errors import FairbenchError
from benchmark.results import replace_json

CLAIM = (
    "dataset",
    "test_set",
    "weights",
    "model",
    "protocol",
    "variant",
    "trained_on",
    "baseline",
    "attribute",
    "metric",
    "selection",
)
"""The columns of `verdicts.csv` that name a claim."""

NUMBERS = ("difference", "low", "high", "p_adjusted", "p_equivalence_adjusted")
UNDECIDED = "undecided"
WITHOUT = ("", "not estimable")
"""Verdicts of claims that no number of seeds decides: confounded, or without a value."""


@dataclass(frozen=True)
class Design:
    """What was fixed before the first look.

    Attributes:
        suite: Its name.
        definition: SHA-256 of all that the suite and the command say of the runs.
        looks: Numbers of seeds.
        seeds: The seeds, in the order in which they are added; as many as the last look.
        level: Of the family at one look.
        analysis: Settings of the comparison, with all margins and `alpha` over all looks.
        frozen: When, in UTC, ISO 8601.
        runs_before: Runs of the suite that were finished then: somebody may have looked at them.
    """

    suite: str
    definition: str
    looks: tuple[int, ...]
    seeds: tuple[int, ...]
    level: float
    analysis: Mapping[str, Any]
    frozen: str
    runs_before: int


@dataclass(frozen=True)
class Look:
    """One look.

    Attributes:
        n_seeds: Seeds of every variant that trains.
        runs: Ids of the suite's runs with those seeds.
        claims: A row for each claim: the columns `CLAIM`, `verdict` at this look and `NUMBERS`,
            None where there is none.
        time: When, in UTC, ISO 8601.
    """

    n_seeds: int
    runs: tuple[str, ...]
    claims: tuple[Mapping[str, Any], ...]
    time: str


@dataclass(frozen=True)
class Standing:
    """Where a claim stands after the looks made.

    Attributes:
        claim: Its row: of the look that decided it, else of the last.
        look: Position of the look that decided it; None if none did.
    """

    claim: Mapping[str, Any]
    look: int | None

    @property
    def open(self) -> bool:
        """Whether more seeds may decide it."""
        return self.look is None and self.claim["verdict"] == UNDECIDED


@dataclass(frozen=True)
class SequentialRecord:
    """A design with its looks so far."""

    design: Design
    looks: tuple[Look, ...] = ()

    def standings(self) -> list[Standing]:
        """Return every claim; the first look that decided it holds, whatever later ones say."""
        found: dict[tuple[Any, ...], Standing] = {}
        for position, look in enumerate(self.looks):
            for row in look.claims:
                key = tuple(row[name] for name in CLAIM)
                if key in found and found[key].look is not None:
                    continue
                decided = row["verdict"] not in (UNDECIDED, *WITHOUT)
                found[key] = Standing(row, position if decided else None)
        return list(found.values())

    @property
    def decided(self) -> bool:
        """Whether a look was made and left no claim open."""
        return bool(self.looks) and not any(claim.open for claim in self.standings())

    def with_look(self, look: Look) -> SequentialRecord:
        """Return the record with one look more."""
        return replace(self, looks=(*self.looks, look))


def record_path(results: Path, suite: str) -> Path:
    """Return the file of a suite's sequential analysis."""
    return results / "sequential" / f"{suite}.json"


def write_record(record: SequentialRecord, results: Path) -> Path:
    """Write the record with its hashes, whole or not at all."""
    path = record_path(results, record.design.suite)
    design = _plain(asdict(record.design))
    looks = [_plain(asdict(look)) for look in record.looks]
    hashes = _hashes(design, looks)
    replace_json(
        path,
        {
            "design": {**design, "hash": hashes[0]},
            "looks": [
                {**look, "hash": found} for look, found in zip(looks, hashes[1:], strict=True)
            ],
        },
    )
    return path


def read_record(results: Path, suite: str) -> SequentialRecord | None:
    """Return the record of a suite; None if no sequential analysis was begun.

    Raises:
        FairbenchError: a file that is not what `write_record` wrote, to the letter.
    """
    path = record_path(results, suite)
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        parts = [dict(stored["design"]), *(dict(look) for look in stored["looks"])]
        held = [part.pop("hash") for part in parts]
        design, looks = parts[0], parts[1:]
        record = SequentialRecord(
            Design(**{**design, "looks": tuple(design["looks"]), "seeds": tuple(design["seeds"])}),
            tuple(
                Look(look["n_seeds"], tuple(look["runs"]), tuple(look["claims"]), look["time"])
                for look in looks
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FairbenchError(f"{path}: is not a record of looks ({error}); restore it") from error
    if held != _hashes(design, looks):
        raise FairbenchError(
            f"{path}: was changed after its looks were made; restore it: a look that is altered "
            "or repeated has no known error rate"
        )
    return record


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back."""
    return json.loads(json.dumps(value))


def _hashes(design: Mapping[str, Any], looks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a hash of each part, which covers all parts before it."""
    found: list[str] = []
    for part in (design, *looks):
        found.append(sha256_of([found[-1] if found else "", part]))
    return found
