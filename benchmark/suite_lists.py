"""Which runs of a results folder a suite asked for, as `run` listed them for `compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import FairbenchError, unknown_name
from benchmark.results import replace_json
from benchmark.suite import SIZE_ALONE, Suite, SuiteComparison


def store_suite(results: Path, suite: Suite, run_ids: Sequence[str]) -> Path:
    """Write the list of a suite's run ids to `results/suites/<name>.json`."""
    path = _list_path(results, suite.name)
    replace_json(
        path,
        {
            "name": suite.name,
            "question": suite.question,
            "compare": suite.compare.model_dump(),
            "runs": list(run_ids),
        },
    )
    return path


def stored_name(results: Path, name: str, size: str | None = None) -> str:
    """Return the name under which a suite's runs are listed in a results folder.

    Args:
        results: The folder.
        name: The suite's name, with or without `@size`.
        size: None is the only size that was run.

    Raises:
        FairbenchError: the suite or this size of it was not run, or several were and none is
            named.
    """
    known = sorted(path.stem for path in (results / "suites").glob("*.json"))
    if size is not None or "@" in name:
        found = [name if size is None else f"{name}@{size}"]
    else:
        found = [other for other in known if other.partition("@")[0] == name] or [name]
    if found[0] not in known:
        raise unknown_name(f"suite in {results}", found[0], known)
    if len(found) > 1 and found[0] == name:
        raise FairbenchError(
            f"{_list_path(results, name)} is from before suite '{name}' had sizes; delete it, or "
            "choose a size with --size"
        )
    if len(found) > 1:
        sizes = ", ".join(other.partition("@")[2] for other in found)
        raise FairbenchError(
            f"{results}: suite '{name}' was run at sizes {sizes}; choose one with --size, or by "
            f"the name of its list, '{found[0]}'"
        )
    return found[0]


def chosen_name(results: Path, name: str | None, size: str | None) -> str | None:
    """Return `stored_name` of the suite that a command names; None if it names none."""
    if name is not None:
        return stored_name(results, name, size)
    if size is not None:
        raise FairbenchError(SIZE_ALONE)
    return None


def suite_run_ids(results: Path, name: str) -> set[str]:
    """Return the run ids of a suite that was run into this results folder.

    Args:
        results: The folder.
        name: As in `stored_name`.

    Raises:
        FairbenchError: as `stored_name`, or a damaged list.
    """
    return set(_stored(results, name)["runs"])


def stored_comparison(results: Path, name: str | None) -> SuiteComparison:
    """Return how a stored suite asks to be compared; the defaults without a suite."""
    if name is None:
        return SuiteComparison()
    return SuiteComparison.model_validate(_stored(results, name)["compare"])


def stored_question(results: Path, name: str) -> str:
    """Return what a stored suite answers; empty in a list from before questions were stored."""
    return str(_stored(results, name).get("question", ""))


def _stored(results: Path, name: str) -> dict[str, Any]:
    path = _list_path(results, stored_name(results, name))
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
