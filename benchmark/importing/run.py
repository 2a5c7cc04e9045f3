"""An imported run: predictions made elsewhere, written as `fairbench run` writes its own.

Its identity says `imported` and holds the hash of its predictions in place of what decides the
numbers of a training, which nobody here saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.config import NUMERICS, run_id
from benchmark.data.dataset import SplitName
from benchmark.data.file_index import sha256_of
from benchmark.errors import FairbenchError
from benchmark.results import RunStore, StoredRun, write_config, write_json
from benchmark.version import __version__

UNKNOWN_VALUE = "unknown"
"""Stands in `config.yaml` for what an import cannot know."""


@dataclass(frozen=True)
class ImportedSplit:
    """Predictions on one split.

    Attributes:
        sample_id: (N,), unique, in the order of all other arrays.
        label: (N,) int8, an index into the classes.
        codes: Attribute → (N,) int8, an index into its groups, −1 for unknown.
        score: (E, N) float32, the probability of class 1; (E, N, C) of each of C > 2 classes.
    """

    sample_id: NDArray[np.str_]
    label: NDArray[np.int8]
    codes: Mapping[str, NDArray[np.int8]]
    score: NDArray[np.float32]


@dataclass(frozen=True)
class ImportedRun:
    """A run with all that its source says of it.

    Attributes:
        source: What it was read from: `official` or `predictions`.
        variant: The method's name.
        label: The name with its changed keys, as tables show it.
        attributes: What it was trained on; empty if it ignores groups or nothing is known.
        own_selection: A selection rule.
        seed: None where the source has none.
        objective, protocol: Keys that the source states; two runs that differ in one of the
            protocol are confounded.
        protocol_label: As tables show it.
        model: Name of the model; runs of different ones are never compared.
        dataset: Name of the dataset.
        classes: Names.
        groups: Attribute → group names.
        epochs: E numbers, increasing.
        splits: `test`, and `val` if the source has it.
        unknown: What the source does not say, in words.
        files: Name of each file read → its SHA-256.
    """

    source: str
    variant: str
    label: str
    attributes: Sequence[str]
    own_selection: str
    seed: int | None
    objective: Mapping[str, Any]
    protocol: Mapping[str, Any]
    protocol_label: str
    model: str
    dataset: str
    classes: Sequence[str]
    groups: Mapping[str, Sequence[str]]
    epochs: Sequence[int]
    splits: Mapping[SplitName, ImportedSplit]
    unknown: Sequence[str]
    files: Mapping[str, str]

    @property
    def test_fingerprint(self) -> str:
        """SHA-256 of ids, labels and groups of the test samples, whatever their order."""
        test = self.splits["test"]
        codes = zip(*(test.codes[name].tolist() for name in self.groups), strict=True)
        rows = zip(test.sample_id.tolist(), test.label.tolist(), map(list, codes), strict=True)
        meaning = [self.dataset, list(self.classes), {k: list(v) for k, v in self.groups.items()}]
        return sha256_of([sorted(rows), meaning])

    @property
    def content_hash(self) -> str:
        """SHA-256 of all predictions, with their samples and epochs."""
        digest = sha256(json.dumps([self.test_fingerprint, list(self.epochs)]).encode())
        for name, split in sorted(self.splits.items()):
            digest.update(json.dumps([name, split.sample_id.tolist()]).encode())
            for array in (split.label, *(split.codes[a] for a in self.groups), split.score):
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """Return what the run id is made of."""
        identity = {
            "numerics": NUMERICS,
            "imported": self.source,
            "objective": {"kind": self.label, **self.objective},
            "protocol": dict(self.protocol),
            "model": self.model,
            "dataset": self.test_fingerprint,
            "predictions": self.content_hash,
        }
        return identity if self.seed is None else {**identity, "seed": self.seed}


def store_run(run: ImportedRun, store: RunStore) -> tuple[str, bool]:
    """Write an imported run to a results folder.

    Returns:
        Its id, and whether it was written; False if it was there.

    Raises:
        FairbenchError: the folder cannot be written, or holds other predictions of the same
            method, conditions, test set and seed.
    """
    identity = run.identity()
    name = run_id(identity)
    store.prepare()
    with store.claim(name, wait=True):
        if store.finished(name):
            return name, False
        for other in store.read():
            _refuse_same_seed(run, identity, other)
        _write(run, identity, store, name)
    return name, True


def _refuse_same_seed(run: ImportedRun, identity: Mapping[str, Any], other: StoredRun) -> None:
    """Raise for a run that `compare` could not tell from this one."""

    def without(held: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in held.items() if key != "predictions"}

    if without(identity) == without(other.config["identity"]):
        seed = "without a seed" if run.seed is None else f"of seed {run.seed}"
        raise FairbenchError(
            f"{other.path} holds other predictions of '{run.label}' {seed} on the same test set; "
            "delete it, or give this one a seed or a variant of its own"
        )


def _write(run: ImportedRun, identity: dict[str, Any], store: RunStore, name: str) -> None:
    from benchmark.provenance import now
    from benchmark.recorder import Recorder  # brings torch
    from benchmark.trainer import EpochFacts
    from benchmark.zeroshot import Scores

    folder = store.begin(name)
    recorder = Recorder(_dataset(run))
    for position, epoch in enumerate(run.epochs):
        scores = {
            split: Scores(found.score[position], np.full(len(found.label), np.nan, np.float32))
            for split, found in run.splits.items()
        }
        recorder.on_epoch(EpochFacts(epoch, scores, logit_scale=float("nan")))
    recorder.write(folder)
    write_config(folder / "config.yaml", _description(run, identity))
    # No plan: when such a run was started cannot be known, so no claim about it is "planned".
    write_json(
        folder / "provenance.json",
        {
            "fairbench": __version__,
            "imported": run.source,
            "files": dict(run.files),
            "finished": now(),
            "plan": None,
        },
    )
    status = {"state": "done", "epochs": run.epochs[-1], "message": ""}
    write_json(folder / "status.json", status)
    store.finish(name)


def _dataset(run: ImportedRun) -> Any:
    """Return the splits in the form that a recorder reads: without images and notes."""
    from benchmark.data.dataset import Dataset, Schema, Split

    def split(found: ImportedSplit) -> Split:
        n = len(found.label)
        none = np.empty((n, 0), np.int32)
        return Split(
            np.empty((n, 0, 0, 0), np.uint8), none, found.label, found.codes, found.sample_id
        )

    groups = {name: tuple(names) for name, names in run.groups.items()}
    schema = Schema(run.dataset, tuple(run.classes), (), groups)
    splits = {name: split(found) for name, found in run.splits.items()}
    return Dataset(schema, splits, UNKNOWN_VALUE, run.test_fingerprint)


def _description(run: ImportedRun, identity: dict[str, Any]) -> dict[str, Any]:
    """Return `config.yaml` in the form of a trained run's."""
    return {
        "variant": run.variant,
        "label": run.label,
        "attributes": list(run.attributes),
        "own_selection": run.own_selection,
        "ignored_keys": [],
        "objective": {"kind": "imported", **run.objective},
        "protocol": {"label": run.protocol_label, **run.protocol},
        "trains": True,
        "seed": run.seed,
        "threads": UNKNOWN_VALUE,
        "device": UNKNOWN_VALUE,
        "model": {
            "name": run.model,
            "pretrained": None,
            "random_init": False,
            "weights": run.model,
        },
        "dataset": {
            "name": run.dataset,
            "fingerprint": UNKNOWN_VALUE,
            "test_fingerprint": run.test_fingerprint,
            "classes": list(run.classes),
            "prompts": [UNKNOWN_VALUE] * len(run.classes),
            "attributes": {name: list(groups) for name, groups in run.groups.items()},
            "samples": {name: len(split.label) for name, split in run.splits.items()},
            "dropped_unknown": {},
            "truncated_notes": UNKNOWN_VALUE,
        },
        "imported": {"source": run.source, "unknown": list(run.unknown)},
        "identity": identity,
    }
