"""Weights that a run keeps: those of the epoch that a selection rule picks.

A checkpoint is one safetensors file in the run's folder, named by its epoch: the state of
open_clip's module, which open_clip loads like any other file of weights. Which epoch a rule
picks is computed from the run's stored predictions, by the same code that `compare` uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import SPLITS, Dataset, SplitName
from benchmark.errors import FairbenchError
from benchmark.predictions import read_predictions
from benchmark.selection import Selected, SplitScores, select_epoch

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.trainer import EpochFacts, StepFacts

CHECKPOINT_RULES = ("last", "val-auc", "test-auc")
"""The selection rules that need no attribute."""


CHECKPOINTS = "checkpoint_epoch_*.safetensors"
"""Pattern of `checkpoint_name`."""


def checkpoint_name(epoch: int) -> str:
    """Return the file name of the weights after an epoch."""
    return f"checkpoint_epoch_{epoch}.safetensors"


def find_checkpoint(run: Path, rule: str) -> Path:
    """Return the weights of the epoch that a rule picks, in the folder of a finished run.

    Raises:
        FairbenchError: no such run, one that diverged or failed, a rule that picks no epoch, or
            no checkpoint of its epoch.
    """
    status = _status(run)
    if status["state"] != "done":
        raise FairbenchError(f"{run}: {status['state']} ({status['message']}), so no checkpoint")
    selected = _selected(run, rule)
    if selected.epoch is None:
        raise FairbenchError(f"{run}: rule '{rule}' picks no epoch ({selected.reason})")
    path = run / checkpoint_name(selected.epoch)
    if not path.is_file():
        raise FairbenchError(
            f"{path}: not there; run the same command with --keep-checkpoint {rule}"
        )
    return path


def missing_checkpoints(run: Path, rules: Iterable[str]) -> list[str]:
    """Return the rules whose weights a finished run could hold and does not."""
    if _status(run)["state"] != "done":
        return []
    epochs = {rule: _selected(run, rule).epoch for rule in rules}
    return [
        rule
        for rule, epoch in epochs.items()
        if epoch is not None and not (run / checkpoint_name(epoch)).is_file()
    ]


def _status(run: Path) -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads((run / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FairbenchError(f"{run}: no finished run, so no checkpoint") from error
    return status


def _selected(run: Path, rule: str) -> Selected:
    splits = read_predictions(run)
    found = {name: SplitScores(part.score, part.label) for name, part in splits.items()}
    epochs = splits["val"].epochs.tolist()
    return select_epoch(rule, epochs, val=found["val"], test=found["test"])


def same_predictions(a: Path, b: Path) -> bool:
    """Return whether two run folders hold the same predictions, bit for bit."""
    ours, theirs = read_predictions(a), read_predictions(b)
    return ours.keys() == theirs.keys() and all(
        np.array_equal(ours[name].epochs, theirs[name].epochs)
        and ours[name].score.tobytes() == theirs[name].score.tobytes()
        and ours[name].similarity.tobytes() == theirs[name].similarity.tobytes()
        for name in ours
    )


class CheckpointKeeper:
    """An observer that holds, for each rule, the weights of the epoch it picks so far.

    Args:
        rules: Of `CHECKPOINT_RULES`.
        data: Whose labels the rules look at.
    """

    def __init__(self, rules: Iterable[str], data: Dataset) -> None:
        self._rules = tuple(rules)
        self._labels = {name: data.splits[name].label for name in SPLITS[1:]}
        self._scores: dict[SplitName, list[NDArray[np.float32]]] = {"val": [], "test": []}
        self._epochs: list[int] = []
        self._kept: dict[str, tuple[int, Mapping[str, Tensor]]] = {}

    def on_step(self, facts: StepFacts) -> None:
        """Nothing is kept of a step."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Copy the weights if a rule picks this epoch of all so far."""
        self._epochs.append(facts.epoch)
        for name, scores in self._scores.items():
            scores.append(facts.scores[name].score)
        picking = [rule for rule in self._rules if self._picked(rule) == facts.epoch]
        if picking and facts.module is not None:
            state = facts.module.state_dict()
            copied = {name: t.detach().cpu().clone().contiguous() for name, t in state.items()}
            self._kept |= dict.fromkeys(picking, (facts.epoch, copied))

    def write(self, folder: Path) -> None:
        """Write the weights held, one file for each epoch."""
        from safetensors.torch import save_file

        for epoch, state in dict(self._kept.values()).items():
            save_file(dict(state), folder / checkpoint_name(epoch), metadata={"format": "pt"})

    def _picked(self, rule: str) -> int | None:
        val, test = (
            SplitScores(np.stack(scores), self._labels[name])
            for name, scores in self._scores.items()
        )
        return select_epoch(rule, self._epochs, val=val, test=test).epoch
