"""From a trajectory to what trains it again: configuration, initial weights and data.

A recording of a public script uses the pack's small CLIP and small dataset. A recording of
`fairbench record` names its own model and dataset; the pack's dataset serves if it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.config import DatasetConfig, ModelConfig, RunConfig, with_keys
from benchmark.data.cache import cache_root
from benchmark.data.dataset import Dataset, Source
from benchmark.data.fairvlmed import read_fairvlmed, read_schema
from benchmark.data.prepare import prepare
from benchmark.errors import FairbenchError
from benchmark.execute import plan_run
from benchmark.model import LoadedModel
from benchmark.protocol import Protocol
from benchmark.registry import find_variant
from benchmark.verify import mini_clip
from benchmark.verify.pack import Entry, Pack, PackError
from benchmark.verify.scripts import public_protocol, public_run
from benchmark.verify.trajectory import NotReplayedError, RecordedStep, Trajectory

OWN = "fairbench"
"""The first word of `argv` in our recordings, and the section that holds their configuration."""

_DATASET = "mini_fairvlmed"


@dataclass(frozen=True)
class Rebuilt:
    """A trajectory's run, ready to train.

    Attributes:
        config: The run.
        model: Initial weights.
        data: All three splits.
        groups: `attribute/group` of each group batch, where the steps do not name them.
    """

    config: RunConfig
    model: LoadedModel
    data: Dataset
    groups: tuple[str, ...] = ()

    def groups_of(self, step: RecordedStep) -> tuple[str, ...]:
        """Return `attribute/group` of each group batch of a step."""
        return step.groups or self.groups

    def terms_of(self, step: RecordedStep) -> dict[str, float]:
        """Return the recorded terms of a step, unweighted."""
        if step.terms:
            return dict(step.terms)
        terms = {"clip": step.base_loss}
        if step.distances:
            weights = self.config.objective.group_weights
            pairs = zip(self.groups_of(step), step.distances, strict=True)
            terms["fairness"] = sum(weights[g.split("/", 1)[0]] * d for g, d in pairs)
        return terms


class Rebuilder:
    """Rebuilds the runs of one pack; model and dataset are read once."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._sources: dict[str, Source] = {}

    def rebuild(self, trajectory: Trajectory) -> Rebuilt:
        """Return the run of a trajectory.

        Raises:
            NotReplayedError: a script or flag that is not known, or a model or dataset that is
                not here.
            PackError: a file that is damaged or lacks a field.
        """
        words = trajectory.entry.value("argv")
        own = isinstance(words, list) and words[:1] == [OWN]
        return self._own(trajectory) if own else self._public(trajectory)

    def _public(self, trajectory: Trajectory) -> Rebuilt:
        for needed in (mini_clip.CONFIG, mini_clip.WEIGHTS, _DATASET):
            if not self._pack.has(needed):
                raise NotReplayedError(f"the pack lacks {needed}")
        run = public_run(trajectory, read_schema(self._pack.root / _DATASET))
        protocol = public_protocol(trajectory)
        config = RunConfig(
            variant=run.variant,
            label=trajectory.name,
            objective=run.objective,
            preset="official" if trajectory.eval_split == "test" else "reproduction",
            protocol=protocol,
            dataset=DatasetConfig(name="fairvlmed", notes=run.notes),
            seed=trajectory.entry.integer("seed"),
            threads=trajectory.threads,
        )
        return Rebuilt(config, self._model, self._data(run.notes, protocol), run.groups)

    @cached_property
    def _model(self) -> LoadedModel:
        return mini_clip.mini_clip(self._pack)

    def _source(self, notes: str) -> Source:
        if notes not in self._sources:
            self._sources[notes] = read_fairvlmed(self._pack.root / _DATASET, notes)
        return self._sources[notes]

    def _data(self, notes: str, protocol: Protocol) -> Dataset:
        return prepare(
            self._source(notes),
            self._model.transform,
            self._model.tokenizer,
            resize=protocol.resize,
            note_characters=protocol.note_characters,
            long_notes=protocol.long_notes,
            cache_dir=cache_root(),
        )

    def _own(self, trajectory: Trajectory) -> Rebuilt:
        recorded = trajectory.entry.entry(OWN)
        config = _own_config(recorded, trajectory)
        fingerprint = recorded.entry("dataset").text("fingerprint")
        try:
            config = self._with_folder(config, fingerprint)
            planned = plan_run(config)
        except PackError:
            raise
        except FairbenchError as error:
            raise NotReplayedError(str(error)) from error
        for what, here, there in (
            ("dataset", planned.data.fingerprint, fingerprint),
            (
                "initial weights",
                planned.model.weights_hash,
                recorded.entry("model").text("weights"),
            ),
        ):
            if here != there:
                raise NotReplayedError(
                    f"other {what} here, {here[:12]}, than recorded, {there[:12]}"
                )
        return Rebuilt(planned.config, planned.model, planned.data)

    def _with_folder(self, config: RunConfig, fingerprint: str) -> RunConfig:
        """Return the run on the pack's dataset if that is the recorded one."""
        if not self._pack.has(_DATASET):
            return config
        if self._source(config.dataset.notes).fingerprint != fingerprint:
            return config
        dataset = config.dataset.model_copy(update={"data_dir": self._pack.root / _DATASET})
        return config.model_copy(update={"dataset": dataset})


def _own_config(recorded: Entry, trajectory: Trajectory) -> RunConfig:
    """Return the configuration that `fairbench record` wrote."""
    try:
        variant = find_variant(recorded.text("variant"))
    except PackError:
        raise
    except FairbenchError as error:
        raise NotReplayedError(str(error)) from error
    dataset, model = recorded.entry("dataset"), recorded.entry("model")
    folder = dataset.value("data_dir")
    objective = recorded.entry("objective")
    protocol = recorded.entry("protocol")
    return RunConfig(
        variant=variant.name,
        label=recorded.text("label"),
        objective=with_keys(variant.objective, objective.values, objective.where),
        source_hash=variant.source_hash,
        preset=recorded.text("preset"),
        protocol=with_keys(Protocol(), protocol.values, protocol.where),
        dataset=DatasetConfig(
            name=dataset.text("name"),
            data_dir=None if folder is None else Path(dataset.text("data_dir")),
            notes=dataset.text("notes"),
        ),
        model=ModelConfig(name=model.text("name"), pretrained=model.value("pretrained")),
        seed=trajectory.entry.integer("seed"),
        threads=trajectory.threads,
    )
