"""The values of a run, computed once and kept beside the runs.

`results/cache/values/<id>.json` holds what was asked of a run so far. Its key is made of the code
that computes values, the run's configuration, and every byte of its predictions: predictions
that changed in any way, a repaired file included, are evaluated again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from sys import intern
from typing import Any

from benchmark.metrics.value import MetricValue
from benchmark.result_cache import code_digest, digest_of, load, names_in, save
from benchmark.results import StoredRun
from benchmark.selection import Selected
from benchmark.values import RunValues, run_values

FOLDER = "values"

_Of = tuple[str, str, str]
"""Attribute, selection rule, threshold rule."""


def kept_values(
    run: StoredRun, attributes: Iterable[str], rules: Iterable[str], threshold_rule: str
) -> list[RunValues]:
    """Return what `run_values` returns, bit for bit, and compute only what is not kept yet.

    Args:
        run: A run that is done, in the folder `runs` of a results folder.
        attributes: As in `run_values`.
        rules: As in `run_values`.
        threshold_rule: As in `run_values`.

    Raises:
        FairbenchError: as `run_values`.
    """
    wanted = list(product(attributes, rules, [threshold_rule]))
    path, key = kept_file(run, FOLDER), key_of(run)
    kept = {} if key is None else _values_of(run, load(path, key))
    lacking = [of for of in wanted if of not in kept]
    if lacking:
        # All rules at once, also those that are kept: they share what takes the time.
        rules_asked = dict.fromkeys(rule for _, rule, _ in wanted)
        attributes_lacking = dict.fromkeys(attribute for attribute, *_ in lacking)
        for found in run_values(run, attributes_lacking, rules_asked, threshold_rule):
            kept[found.attribute, found.rule, threshold_rule] = found
        if key is not None and key == key_of(run):  # else the file changed while it was read
            save(path, key, _stored(kept), ["|".join(of) for of in kept])
    return [kept[of] for of in wanted]


def lacks_values(
    run: StoredRun, attributes: Iterable[str], rules: Iterable[str], threshold_rule: str
) -> bool:
    """Return whether `kept_values` seems to have something to compute, by a glance at its file.

    Predictions that changed are not seen: that is not worth reading them.
    """
    wanted = {"|".join(of) for of in product(attributes, rules, [threshold_rule])}
    return not wanted <= names_in(kept_file(run, FOLDER), made_by())


def kept_file(run: StoredRun, folder: str) -> Path:
    """Return where something is kept of a run, in a folder of the results folder's cache."""
    return run.path.parent.parent / "cache" / folder / f"{run.path.name}.json"


def key_of(run: StoredRun) -> str | None:
    """Return a hash of all that the run's values follow from; None if it cannot be read."""
    try:
        with (run.path / "predictions.parquet").open("rb") as file:
            predictions = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
    config = repr(run.config).encode(errors="backslashreplace")
    return f"{made_by()} {digest_of(config, predictions)}"


def made_by() -> str:
    """Return how a key begins that this code makes."""
    return code_digest().decode()


def _stored(kept: Mapping[_Of, RunValues]) -> dict[str, Any]:
    """Return values as JSON; two rules that select one epoch share its metrics."""
    metrics = {id(found.metrics): found.metrics for found in kept.values()}
    position = {held: n for n, held in enumerate(metrics)}
    return {
        "metrics": [
            [[m.metric, m.group, m.value, m.reason] for m in rows] for rows in metrics.values()
        ],
        "values": [
            [
                *of,
                found.selected.epoch,
                found.selected.value,
                found.selected.reason,
                found.threshold,
                found.distinct_scores,
                position[id(found.metrics)],
            ]
            for of, found in kept.items()
        ],
    }


def _values_of(run: StoredRun, stored: Any) -> dict[_Of, RunValues]:
    """Return the values that `_stored` made JSON of; none of None."""
    if stored is None:
        return {}
    metrics = [
        tuple(MetricValue(_one(m), _one(g), value, reason) for m, g, value, reason in rows)
        for rows in stored["metrics"]
    ]
    return {
        (attribute, rule, threshold_rule): RunValues(
            run,
            attribute,
            rule,
            Selected(epoch, value, reason),
            threshold,
            distinct_scores,
            metrics[position],
        )
        for (
            attribute,
            rule,
            threshold_rule,
            epoch,
            value,
            reason,
            threshold,
            distinct_scores,
            position,
        ) in stored["values"]
    }


def _one(name: Any) -> Any:
    """Return one copy of a name for all runs: there are few, and millions of values."""
    return intern(name) if isinstance(name, str) else name
