"""What a run directory says over its epochs, in the form that trackers take: names and numbers.

Nothing of a patient is in it: no score of a sample, no id, no note, no image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from benchmark.errors import FairbenchError
from benchmark.metrics.auc import auc_by_row
from benchmark.model_names import without_folder
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.provenance import stored_provenance
from benchmark.results import StoredRun

Parameter = str | int | float | bool

_TOP = ("variant", "label", "own_selection", "trains", "seed", "threads", "device")
_DATASET = ("name", "notes", "text_source", "fingerprint", "test_fingerprint")
_UNSAFE = re.compile(r"[^A-Za-z0-9_ -]")


@dataclass(frozen=True)
class RunHistory:
    """A run over its epochs.

    Attributes:
        id: The run's id.
        title: Variant, attributes and seed, for people.
        variant: Its label.
        diverged: Whether it ended so.
        finished: When, in seconds since 1970; 0 if that is not stored.
        parameters: Flat key → value: configuration, code version and device.
        epochs: Epoch → metric → value: `term/clip`, `gradient_norm/clip`,
            `distance/val/race/asian`, `auc/val`, `auc/test`, … Values that are not finite are
            left out.
    """

    id: str
    title: str
    variant: str
    diverged: bool
    finished: float
    parameters: Mapping[str, Parameter]
    epochs: Mapping[int, Mapping[str, float]]


def read_history(run: StoredRun) -> RunHistory:
    """Return what is stored of a run that is done or diverged.

    Raises:
        FairbenchError: its files cannot be read.
    """
    config = run.config
    facts = stored_provenance(run)
    title = [str(config["label"]), *map(str, config["attributes"])]
    title += [] if config["seed"] is None else [f"seed {config['seed']}"]
    epochs: dict[int, dict[str, float]] = {}
    for epoch, name, value in (*_epoch_rows(run), *_auc_rows(run)):
        if isfinite(value):
            epochs.setdefault(epoch, {})[name] = value
    return RunHistory(
        id=run.id,
        title=", ".join(title),
        variant=str(config["label"]),
        diverged=run.state == "diverged",
        finished=_seconds(facts.get("finished")),
        parameters={
            **dict(_flat("", {name: config[name] for name in _TOP})),
            "attributes": "+".join(config["attributes"]),
            **{k: v for s in ("objective", "protocol") for k, v in _flat(s, config[s])},
            **dict(_flat("model", {k: _shown(v) for k, v in config["model"].items()})),
            **dict(_flat("dataset", {k: v for k, v in config["dataset"].items() if k in _DATASET})),
            **dict(_flat("code", {k: facts.get(k) for k in ("fairbench", "commit")})),
            "state": run.state,
        },
        epochs=dict(sorted(epochs.items())),
    )


def metric_name(*parts: str) -> str:
    """Return parts joined by `/`, in signs that every tracker takes.

    Another sign becomes its code point: the group `50+` is `50_2b_`.
    """
    return "/".join(_UNSAFE.sub(lambda sign: f"_{ord(sign[0]):x}_", part) for part in parts)


def _epoch_rows(run: StoredRun) -> Iterator[tuple[int, str, float]]:
    path = run.path / "epochs.parquet"
    try:
        table = pd.read_parquet(path, columns=["epoch", "kind", "name", "value"])
    except (OSError, ValueError, KeyError) as error:
        problem = str(error).splitlines()[0]
        raise FairbenchError(
            f"{path}: cannot be read ({problem}); delete {run.path} and run again"
        ) from error
    for row in table.to_dict("records"):
        parts = [row["kind"], *(row["name"].split("/", 2) if row["name"] else ())]
        yield int(row["epoch"]), metric_name(*parts), float(row["value"])


def _auc_rows(run: StoredRun) -> Iterator[tuple[int, str, float]]:
    for split, held in read_predictions(run.path).items():
        for epoch, value in zip(held.epochs.tolist(), _aucs(held), strict=True):
            yield epoch, metric_name("auc", split), value


def _aucs(held: SplitPredictions) -> Sequence[float]:
    """Return the AUC after each epoch; of several classes, the mean of each against the others."""
    if held.score.ndim == 2:
        found: Sequence[float] = auc_by_row(held.label, held.score).tolist()
        return found
    classes = range(held.score.shape[2])
    each = [auc_by_row(held.label == c, held.score[:, :, c]) for c in classes]
    means: Sequence[float] = np.mean(each, axis=0).tolist()
    return means


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Parameter]]:
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from _flat(name, value)
        elif isinstance(value, (str, int, float)):
            yield name, value
        elif value is not None:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shown(value: object) -> object:
    return without_folder(value) if isinstance(value, str) else value


def _seconds(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
