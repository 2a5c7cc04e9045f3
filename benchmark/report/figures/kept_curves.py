"""The curves of a run, computed once and kept beside the runs, as `benchmark.kept_values` does.

`results/cache/curves/<id>.json` holds what was asked of a run last. Its key is that of the run's
values and what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.kept_values import kept_file, key_of, made_by
from benchmark.metrics.inputs import FloatArray
from benchmark.report.figures.shapes import Shape
from benchmark.report.figures.stored import Curves, curves_of
from benchmark.result_cache import digest_of, load, names_in, save
from benchmark.results import StoredRun

FOLDER = "curves"


def kept_curves(
    run: StoredRun,
    attributes: Sequence[str],
    threshold_rule: str,
    selected: Mapping[str, int],
) -> Curves | None:
    """Return what `curves_of` returns, bit for bit, and compute it only if it is not kept.

    Args:
        run: A run that is done, in the folder `runs` of a results folder.
        attributes: As in `curves_of`.
        threshold_rule: As in `curves_of`.
        selected: As in `curves_of`.

    Raises:
        FairbenchError: as `curves_of`.
    """
    asked = _asked(attributes, threshold_rule, selected)
    path, key = kept_file(run, FOLDER), _key(run, asked)
    stored = None if key is None else load(path, key)
    if stored is not None:
        return _curves(stored)
    found = curves_of(run, attributes, threshold_rule, selected)
    # Else the file changed while it was read, or there is nothing that took time.
    if found is not None and key is not None and key == _key(run, asked):
        save(path, key, _stored(found), [asked])
    return found


def lacks_curves(
    run: StoredRun,
    attributes: Sequence[str],
    threshold_rule: str,
    selected: Mapping[str, int],
) -> bool:
    """Return whether `kept_curves` seems to have something to compute, by a glance at its file."""
    asked = _asked(attributes, threshold_rule, selected)
    return asked not in names_in(kept_file(run, FOLDER), made_by())


def _asked(attributes: Sequence[str], threshold_rule: str, selected: Mapping[str, int]) -> str:
    return digest_of(repr((list(attributes), threshold_rule, sorted(selected.items()))).encode())


def _key(run: StoredRun, asked: str) -> str | None:
    of_run = key_of(run)
    return None if of_run is None else f"{of_run} {asked}"


def _stored(curves: Curves) -> dict[str, Any]:
    """Return curves as JSON."""
    return {
        "epochs": curves.epochs.tolist(),
        "metrics": [[*of, values.tolist()] for of, values in curves.metrics.items()],
        "shapes": [
            [
                *of,
                None if shape.tpr is None else shape.tpr.tolist(),
                shape.predicted.tolist(),
                shape.observed.tolist(),
            ]
            for of, shape in curves.shapes.items()
        ],
    }


def _curves(stored: Any) -> Curves:
    """Return the curves that `_stored` made JSON of."""
    return Curves(
        np.array(stored["epochs"], dtype=np.int64),
        {(split, a, metric): _floats(values) for split, a, metric, values in stored["metrics"]},
        {
            (attribute, group): Shape(
                None if tpr is None else _floats(tpr), _floats(predicted), _floats(observed)
            )
            for attribute, group, tpr, predicted, observed in stored["shapes"]
        },
    )


def _floats(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)
