"""Simulated runs as run folders, by the functions that write real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.calibration.simulate import Patients
from benchmark.config import run_id
from benchmark.data.dataset import Dataset, Schema, Split, SplitName
from benchmark.recorder import Recorder
from benchmark.results import RunStore, write_config, write_json
from benchmark.trainer import EpochFacts
from benchmark.zeroshot import Scores

ATTRIBUTE = "group"


def write_runs(
    results: Path,
    labels: Sequence[str],
    patients: Mapping[SplitName, Patients],
    scores: Mapping[SplitName, NDArray[np.float32]],
) -> None:
    """Write a run for each method and seed.

    Args:
        results: The folder.
        labels: Names of the M methods.
        patients: Of `val` and `test`.
        scores: Of `val` and `test`, (M, S, N) of runs of one epoch, (M, S, E, N) of runs of E.
    """
    data = _dataset(patients)
    store = RunStore(results)
    store.prepare()
    for v, label in enumerate(labels):
        for seed in range(scores["test"].shape[1]):
            identity = {"numerics": 0, "objective": {"kind": label}, "seed": seed}
            run = run_id(identity)
            folder = store.begin(run)
            recorder = Recorder(data)
            of_run = {name: np.atleast_2d(scores[name][v, seed]) for name in patients}
            epochs = len(of_run["test"])
            for epoch in range(epochs):
                of_epoch = {name: _scores(rows[epoch]) for name, rows in of_run.items()}
                recorder.on_epoch(EpochFacts(epoch + 1, of_epoch, 1.0))
            recorder.write(folder)
            write_config(folder / "config.yaml", _config(label, seed, data, identity))
            write_json(folder / "status.json", {"state": "done", "epochs": epochs, "message": ""})
            store.finish(run)


def _scores(row: NDArray[np.float32]) -> Scores:
    return Scores(row, np.zeros_like(row))


def _dataset(patients: Mapping[SplitName, Patients]) -> Dataset:
    groups = tuple(f"group {g}" for g in np.unique(patients["test"].code))
    schema = Schema("simulated", ("no", "yes"), ("no", "yes"), {ATTRIBUTE: groups})
    splits = {name: _split(name, part) for name, part in patients.items()}
    return Dataset(schema, splits, fingerprint="simulated", test_fingerprint="simulated")


def _split(name: str, patients: Patients) -> Split:
    n = len(patients.label)
    return Split(
        images=np.empty((n, 0, 0, 0), dtype=np.uint8),
        tokens=np.empty((n, 0), dtype=np.int32),
        label=patients.label.astype(np.int8),
        attributes={ATTRIBUTE: patients.code.astype(np.int8)},
        sample_id=np.array([f"{name}-{i}" for i in range(n)]),
    )


def _config(label: str, seed: int, data: Dataset, identity: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "variant": label,
        "label": label,
        "attributes": [],
        "own_selection": "val-auc",
        "objective": {"kind": label},
        "protocol": {"label": "simulated", "epochs": 1},
        "trains": True,
        "seed": seed,
        "threads": 1,
        "device": "cpu",
        "model": {"name": "none", "pretrained": None, "random_init": False, "weights": "none"},
        "dataset": {
            "name": data.schema.name,
            "fingerprint": data.fingerprint,
            "test_fingerprint": data.test_fingerprint,
            "classes": list(data.schema.classes),
            "attributes": {name: list(groups) for name, groups in data.schema.attributes.items()},
        },
        "identity": dict(identity),
    }
