"""Where the runs of a comparison come from, and whether that is one place."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Any

from benchmark.arms import Arm
from benchmark.errors import FairbenchError
from benchmark.provenance import stored_provenance
from benchmark.results import StoredRun

UNKNOWN = "unknown"

CONTENT = frozenset(
    {
        "data_dir",
        "fingerprint",
        "test_fingerprint",
        "classes",
        "prompts",
        "attributes",
        "samples",
        "dropped_unknown",
        "truncated_notes",
    }
)
"""Fields of a run's dataset section that follow from its content, or say where it lies."""

NAMED = 3
"""So many runs of each kind are named in an error."""


@dataclass(frozen=True)
class Origin:
    """Where one run comes from; texts are empty and numbers NaN where it does not say.

    Attributes:
        run: Its id.
        label: The variant with its changed keys.
        seed: None for weights that are not trained.
        code: Version of fairbench, and the commit; `+` marks changes that were not committed.
        packages: Name → version, Python included.
        platform: The operating system.
        device: Kind and name.
        dataset: Its settings, such as `synthetic, notes=gpt-4`.
        fingerprint, test_fingerprint: Of all data, and of the test set.
        weights: Hash of the initial weights.
        plan: Hash of the plan that was frozen when it was started.
        command: What was typed.
        started, finished: In UTC, ISO 8601.
        seconds: From start to end.
    """

    run: str
    label: str
    seed: int | None
    code: str
    packages: Mapping[str, str]
    platform: str
    device: str
    dataset: str
    fingerprint: str
    test_fingerprint: str
    weights: str
    plan: str
    command: str
    started: str
    finished: str
    seconds: float


def origins_of(arms: Iterable[Arm]) -> tuple[Origin, ...]:
    """Return the origin of every finished run, in the order of the arms.

    Raises:
        FairbenchError: provenance that cannot be read.
    """
    return tuple(_origin(run) for arm in arms for run in arm.done)


def mixtures(origins: Sequence[Origin]) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Yield what the runs should share and do not, with the ids of the runs of each kind.

    That is the version of the code, and the content of a dataset of the same settings.
    """
    code = _runs_by((origin.code, origin) for origin in origins)
    if len(code) > 1:
        yield "code versions", code
    for settings, part in _by((origin.dataset, origin) for origin in origins).items():
        data = _runs_by((f"{o.fingerprint[:12]}/{o.test_fingerprint[:12]}", o) for o in part)
        if len(data) > 1:
            yield f"fingerprints of dataset {settings}", data


def require_one_origin(origins: Sequence[Origin]) -> None:
    """Refuse runs of several code versions or of none known, or of data that changed.

    Raises:
        FairbenchError: names the kinds and runs of each.
    """
    if silent := [origin.run for origin in origins if origin.code == UNKNOWN]:
        raise FairbenchError(
            f"--strict: nothing says which code made {_some(silent)} (no provenance.json, or none "
            "with a version); make them again, or leave out --strict"
        )
    for what, kinds in mixtures(origins):
        named = "; ".join(f"{kind}: {_some(runs)}" for kind, runs in kinds.items())
        raise FairbenchError(
            f"--strict: these runs have {len(kinds)} {what} ({named}); make them again with one, "
            "or leave out --strict, which flags it in the report"
        )


def _some(runs: Sequence[str]) -> str:
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    return ", ".join(runs[:NAMED]) + more


def _origin(run: StoredRun) -> Origin:
    made, config = stored_provenance(run), run.config
    data = config["dataset"]
    version, commit = made.get("fairbench"), made.get("commit")
    code = f"{version} ({commit})" if version and commit else str(version or UNKNOWN)
    packages = {"python": made.get("python"), **(made.get("packages") or {})}
    settings = {k: v for k, v in data.items() if k not in {*CONTENT, "name"} and v is not None}
    start, end = str(made.get("started") or ""), str(made.get("finished") or "")
    device = [str(config["device"]), str(made.get("device_name") or "")]
    return Origin(
        run=run.id,
        label=config["label"],
        seed=config["seed"],
        code=f"{code}, imported" if "imported" in made else code,
        packages={name: str(found) for name, found in packages.items() if found},
        platform=str(made.get("platform") or ""),
        device=" ".join(filter(None, device)),
        dataset=", ".join([data["name"], *(f"{k}={v}" for k, v in settings.items())]),
        fingerprint=str(data["fingerprint"]),
        test_fingerprint=str(data["test_fingerprint"]),
        weights=str(config["model"].get("weights") or ""),
        plan=str(made.get("plan") or ""),
        command=shlex.join(map(str, made.get("command", ()))),
        started=start,
        finished=end,
        seconds=_between(start, end),
    )


def _between(start: str, end: str) -> float:
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError):  # no time, or one with a zone and one without
        return nan


def _by(pairs: Iterable[tuple[Hashable, Origin]]) -> dict[Any, list[Origin]]:
    found: dict[Any, list[Origin]] = {}
    for kind, origin in pairs:
        found.setdefault(kind, []).append(origin)
    return found


def _runs_by(pairs: Iterable[tuple[str, Origin]]) -> dict[str, list[str]]:
    return {kind: [origin.run for origin in part] for kind, part in _by(pairs).items()}
