"""A recorded training: batches, losses, predictions and what came out, read from a pack.

`trajectory_<name>.json` holds the run, `trajectory_predictions.npz` the scores of all runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset, SplitName, sample_ids
from benchmark.verify.epoch_metrics import flat
from benchmark.verify.pack import Entry, Pack, PackError

PREFIX = "trajectory_"
PREDICTIONS = "trajectory_predictions.npz"
NUMBERED = "n stands for data_%05d.npz"

Files = tuple[str, ...]


class NotReplayedError(Exception):
    """A recording that cannot be replayed here; the message is the reason."""


@dataclass(frozen=True)
class RecordedStep:
    """One step of the recorded run.

    Attributes:
        where: File and step, for messages.
        step: From 0, over all epochs, as recorded.
        epoch: From 0, as recorded.
        files: File names of the main batch, in its order.
        groups: `attribute/group` of every group batch; empty where the script says it.
        group_files: File names of every group's batch, in the order of the script.
        terms: Unweighted terms of the loss; empty in recordings of public scripts.
        base_loss: The contrastive loss.
        distances: Unweighted, one for each group.
        total_loss: What was differentiated.
    """

    where: str
    step: int
    epoch: int
    files: Files
    groups: tuple[str, ...]
    group_files: tuple[Files, ...]
    terms: Mapping[str, float]
    base_loss: float
    distances: tuple[float, ...]
    total_loss: float


@dataclass(frozen=True)
class RecordedScores:
    """The evaluation after one epoch, in the order of `eval_files`.

    Attributes:
        score: (N,) float32.
        label: (N,).
        codes: (N, attributes), in the order of the dataset's attributes.
    """

    score: NDArray[np.float32]
    label: NDArray[np.int8]
    codes: NDArray[np.int8]


@dataclass(frozen=True)
class Trajectory:
    """One recorded run; a field is checked when it is first read.

    Attributes:
        entry: The JSON file.
        pack: Where it comes from.
    """

    entry: Entry
    pack: Pack

    def check(self) -> None:
        """Read every field that a replay compares with, so that damage shows before it starts."""
        _ = self.tolerance, self.noise, self.steps, self.eval_files, self.rule, self.threads
        _ = self.changed_parameters, self.norms, self.selected_epoch, self.float_tie
        for epoch in range(len(self.epochs)):
            self.scores(epoch)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.entry.text("name")

    @property
    def tolerance(self) -> float:
        """Largest relative deviation of a step's losses that the file allows."""
        value = self.entry.number("suggested_rel_tolerance_per_step_loss")
        if not (isfinite(value) and value >= 0):
            raise PackError(
                f"{self.entry.where}: suggested_rel_tolerance_per_step_loss is {value}; "
                "expected a finite number of at least 0"
            )
        return value

    @property
    def threads(self) -> int:
        """CPU threads of the recording."""
        threads = self.entry.integer("threads")
        if threads < 1:
            raise PackError(f"{self.entry.where}: threads is {threads}; expected at least 1")
        return threads

    @property
    def noise(self) -> tuple[float, float] | None:
        """Largest (relative step loss, absolute prediction) change of the recorded repetitions.

        They are repetitions with noise of 1e-7 in the weights, other thread counts and other
        library versions; None if the file has none.
        """
        if "sensitivity" not in self.entry:
            return None
        runs = self.entry.entry("sensitivity")
        found = [runs.entry(name) for name in runs.values]
        if not found:
            return None
        return (
            max(run.number("max_rel_step_loss") for run in found),
            max(run.number("max_abs_pred") for run in found),
        )

    @cached_property
    def steps(self) -> tuple[RecordedStep, ...]:
        """All steps, in order."""
        steps = tuple(self._step(entry) for entry in self.entry.entries("steps", "step"))
        epochs = [step.epoch for step in steps]
        starts_at_zero = bool(epochs) and epochs[0] == 0
        if not starts_at_zero or any(
            later - former not in (0, 1) for former, later in pairwise(epochs)
        ):
            raise PackError(
                f"{self.entry.where}: field 'epoch' of 'steps' does not count from 0 in steps of 1"
            )
        if epochs[-1] + 1 != len(self.epochs):
            raise PackError(
                f"{self.entry.where}: 'steps' cover {epochs[-1] + 1} epochs and 'epochs' "
                f"{len(self.epochs)}"
            )
        return steps

    def steps_of(self, epoch: int) -> tuple[RecordedStep, ...]:
        """Return the steps of one epoch, counted from 0."""
        return tuple(step for step in self.steps if step.epoch == epoch)

    @cached_property
    def epochs(self) -> tuple[Entry, ...]:
        """The evaluation after every epoch: metrics and range of the scores."""
        entries = tuple(self.entry.entries("epochs", "epoch"))
        if not entries or [e.integer("epoch") for e in entries] != list(range(len(entries))):
            raise PackError(f"{self.entry.where}: 'epochs' are not numbered 0, 1, 2, …")
        return entries

    @property
    def eval_split(self) -> Literal["val", "test"]:
        """The split that was evaluated and that the epoch was selected on."""
        folder = self.entry.text("eval_folder")
        if folder == "Validation":
            return "val"
        if folder in ("Test", "Testing", "Testing -> Test"):
            return "test"
        raise PackError(
            f"{self.entry.where}: eval_folder is {folder!r}; expected Validation or Test"
        )

    @property
    def rule(self) -> str:
        """The selection rule: best AUC of the evaluated split."""
        return f"{self.eval_split}-auc"

    @cached_property
    def eval_files(self) -> Files:
        """File names in the order of the recorded scores."""
        return self._names(self.entry, "eval_file_order", self.entry.value("eval_file_order"))

    def scores(self, epoch: int) -> RecordedScores | None:
        """Return the scores after an epoch, counted from 0; None if none of the run are there."""
        if not self.pack.has(PREDICTIONS):
            return None
        arrays = self.pack.arrays(PREDICTIONS)
        if not any(name.startswith(f"{self.name}__") for name in arrays.arrays):
            return None
        prefix, n = f"{self.name}__ep{epoch:03d}_val", len(self.eval_files)
        return RecordedScores(
            score=arrays.array(f"{prefix}_pred", n),
            label=arrays.array(f"{prefix}_gt", n),
            codes=arrays.array(f"{prefix}_attr", n, None),
        )

    @property
    def norms(self) -> Mapping[str, float]:
        """Parameter → L2 norm after the last step."""
        norms = self.entry.entry("final_param_l2")
        return {name: norms.number(name) for name in norms.values}

    @property
    def changed_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that the training moved."""
        names = self.entry.value("changed_params")
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise PackError(f"{self.entry.where}: field 'changed_params' is not a list of names")
        return tuple(names)

    @property
    def selected_epoch(self) -> int:
        """The epoch that was kept, from 0."""
        epoch = self.entry.integer("selected_epoch")
        if not 0 <= epoch < len(self.epochs):
            raise PackError(
                f"{self.entry.where}: selected_epoch is {epoch}; there is no such epoch"
            )
        return epoch

    @property
    def float_tie(self) -> bool:
        """Whether the last bit of two equal AUCs decided the selected epoch."""
        return bool(self.entry.value("selected_epoch_rests_on_a_float_tie"))

    def metrics(self, epoch: int, layout: Mapping[str, Any]) -> dict[str, float]:
        """Return the recorded metrics of an epoch, flat.

        Args:
            epoch: From 0.
            layout: The metrics as `epoch_metrics` makes them; the recorded ones have its form.
        """
        entry = self.epochs[epoch]
        try:
            recorded = flat({name: entry.value(name) for name in layout})
        except (TypeError, ValueError):
            raise PackError(f"{entry.where}: a metric is not made of numbers") from None
        missing = sorted(flat(layout).keys() ^ recorded.keys())
        if missing:
            raise PackError(f"{entry.where}: '{missing[0]}' is there on one side only")
        return recorded

    def _step(self, entry: Entry) -> RecordedStep:
        groups = entry.value("group_files")
        if not isinstance(groups, list):
            raise PackError(f"{entry.where}: field 'group_files' is not a list of lists")
        names = entry.value("groups") if "groups" in entry else []
        if not isinstance(names, list) or (names and len(names) != len(groups)):
            raise PackError(f"{entry.where}: 'groups' does not name each of 'group_files'")
        terms = entry.entry("terms") if "terms" in entry else Entry(entry.where, {})
        step = RecordedStep(
            where=entry.where,
            step=entry.integer("step"),
            epoch=entry.integer("epoch"),
            files=self._names(entry, "files", entry.value("files")),
            groups=tuple(names),
            group_files=tuple(self._names(entry, "group_files", group) for group in groups),
            terms={name: terms.number(name) for name in terms.values},
            base_loss=entry.number("base_loss"),
            distances=tuple(entry.numbers("distance_per_group")),
            total_loss=entry.number("total_loss"),
        )
        if step.distances and len(step.distances) != len(step.group_files):
            raise PackError(
                f"{entry.where}: {len(step.distances)} values in 'distance_per_group' for "
                f"{len(step.group_files)} batches in 'group_files'"
            )
        return step

    @staticmethod
    def _names(entry: Entry, field: str, values: object) -> Files:
        """Return file names; a number n stands for `data_%05d.npz`."""
        if not isinstance(values, list) or not values:
            raise PackError(f"{entry.where}: field '{field}' holds an empty list, or none")
        if any(isinstance(value, bool) or not isinstance(value, int | str) for value in values):
            raise PackError(
                f"{entry.where}: field '{field}' holds more than file numbers and names"
            )
        return tuple(f"data_{v:05d}.npz" if isinstance(v, int) else v for v in values)


class Positions:
    """Where the files of one split are in its arrays."""

    def __init__(self, data: Dataset, split: SplitName) -> None:
        self._dataset, self._split = data.schema.name, split
        ids = data.splits[split].sample_id.tolist()
        self._at = {identifier: position for position, identifier in enumerate(ids)}

    def of(self, files: Files, where: str) -> NDArray[np.int64]:
        """Return the positions of files; `where` names them in the error for a missing one."""
        ids = sample_ids(self._dataset, files).tolist()
        missing = [file for file, i in zip(files, ids, strict=True) if i not in self._at]
        if missing:
            raise PackError(f"{where}: {missing[0]} is not among the {self._split} samples")
        return np.array([self._at[identifier] for identifier in ids], np.int64)


def trajectory_files(pack: Pack) -> tuple[str, ...]:
    """Return the names of the trajectory files of a pack, sorted."""
    return tuple(sorted(path.name for path in pack.root.glob(f"{PREFIX}*.json")))


def read_trajectory(pack: Pack, file: str) -> Trajectory:
    """Return the trajectory of one file."""
    return Trajectory(pack.record(file), pack)


def numbered(files: Sequence[str]) -> list[int] | list[str]:
    """Return files as they are recorded: numbers if every one is `data_%05d.npz`, else names."""
    numbers = [int(f[5:10]) for f in files if len(f) == 14 and f[5:10].isdigit()]
    return numbers if [f"data_{n:05d}.npz" for n in numbers] == list(files) else list(files)
