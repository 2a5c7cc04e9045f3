"""One run, from its configuration to its folder."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from benchmark.batches import SeededBatches
from benchmark.config import RunConfig, run_id
from benchmark.data.cache import cache_root
from benchmark.data.dataset import Dataset, Source
from benchmark.data.prepare import prepare
from benchmark.errors import FairbenchError
from benchmark.model import LoadedModel, load_model
from benchmark.model_names import brings_weights
from benchmark.numerics import numerics
from benchmark.provenance import now, provenance
from benchmark.recorder import Recorder
from benchmark.results import RunStore, write_config, write_json
from benchmark.trainer import DivergedError, EpochFacts, Observer, StepFacts, train


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: Only `done` has all epochs.
        message: Why it is not `done`, in one line; empty if it is.
    """

    state: Literal["done", "diverged", "failed"]
    message: str = ""


@dataclass(frozen=True)
class Planned:
    """A run with all that it needs in memory; made by `plan_run`."""

    config: RunConfig
    model: LoadedModel
    data: Dataset
    identity: dict[str, Any]

    @property
    def id(self) -> str:
        """The run's id."""
        return run_id(self.identity)


def plan_run(config: RunConfig) -> Planned:
    """Load data and model of a run and return it with its identity.

    Raises:
        FairbenchError: data, model or attribute that cannot be had.
    """
    seed = 0 if _fixed_weights(config) else config.seed or 0
    model = _model(config.model.name, config.model.pretrained, seed)
    data = _data(config, model)
    for attribute in config.attributes:
        if attribute not in data.schema.attributes:
            raise FairbenchError(
                f"dataset '{data.schema.name}' has no attribute '{attribute}'. "
                f"Known: {', '.join(data.schema.attributes)}"
            )
    return Planned(config, model, data, config.identity(data.fingerprint, model.weights_hash))


def execute(planned: Planned, store: RunStore, watcher: Observer) -> Outcome:
    """Train the run and store its facts. The caller holds the run's lock.

    A run that diverges is stored with what was known, and so is one that fails, in
    `<id>.failed/`. An interruption leaves nothing and is raised again.
    """
    record = provenance(planned.config.device)
    recorder = Recorder(planned.data)
    folder = store.begin(planned.id)
    try:
        write_config(folder / "config.yaml", _description(planned))
        outcome = _train(planned, _Both(recorder, watcher))
        recorder.write(folder)
        _write_end(folder, record, recorder, outcome)
        store.finish(planned.id)
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())  # torch's have many lines
        outcome = Outcome("failed", message)
        trace = traceback.format_tb(error.__traceback__)
        _write_end(folder, record, recorder, outcome, traceback=trace)
        store.fail(planned.id)
    except BaseException:
        store.discard(planned.id)
        raise
    return outcome


def _write_end(
    folder: Path, record: Mapping[str, Any], recorder: Recorder, outcome: Outcome, **more: Any
) -> None:
    write_json(folder / "provenance.json", {**record, "finished": now()})
    status = {"state": outcome.state, "epochs": recorder.epochs_done, "message": outcome.message}
    write_json(folder / "status.json", {**status, **more})


def _train(planned: Planned, observer: Observer) -> Outcome:
    config = planned.config
    with numerics(config.threads, config.protocol.deterministic):
        try:
            train(config, planned.model, planned.data, seeded_batches(planned), observer)
        except DivergedError as error:
            return Outcome("diverged", str(error))
    return Outcome("done")


def seeded_batches(planned: Planned) -> SeededBatches:
    """Return the batches of a run, drawn from its seed."""
    config, objective = planned.config, planned.config.objective
    return SeededBatches(
        planned.data,
        config.seed or 0,
        config.protocol.batch_size,
        config.attributes,
        objective.group_batch_size,
        within_batch=objective.groups_within_batch,
        permuted=objective.permutes_groups,
    )


def _description(planned: Planned) -> dict[str, Any]:
    """Return `config.yaml`: every key, what identifies the data, and the identity itself."""
    config, data = planned.config, planned.data
    return {
        "variant": config.variant,
        "label": config.label,
        "attributes": list(config.attributes),
        "own_selection": config.objective.own_selection,
        "objective": {"kind": config.objective.kind, **config.objective.keys()},
        "protocol": {
            "label": config.protocol_label,
            **config.protocol.keys(config.objective.trains),
        },
        "trains": config.objective.trains,
        "seed": config.seed,
        "threads": config.threads,
        "device": config.device,
        "model": {
            **config.model.model_dump(),
            "random_init": not _fixed_weights(config),
            "weights": planned.model.weights_hash,
        },
        "dataset": {
            **config.dataset.model_dump(mode="json"),
            "fingerprint": data.fingerprint,
            "test_fingerprint": data.test_fingerprint,
            "classes": list(data.schema.classes),
            "prompts": list(data.schema.prompts),
            "attributes": {name: list(groups) for name, groups in data.schema.attributes.items()},
            "samples": {name: len(split) for name, split in data.splits.items()},
            "dropped_unknown": dict(data.dropped),
            "truncated_notes": data.truncated_notes,
        },
        "identity": planned.identity,
    }


def _fixed_weights(config: RunConfig) -> bool:
    """Return whether initial weights are given, rather than drawn from the run's seed."""
    return config.model.pretrained is not None or brings_weights(config.model.name)


@lru_cache(maxsize=2)
def _model(name: str, pretrained: str | None, seed: int) -> LoadedModel:
    return load_model(name, pretrained, seed)


_prepared: dict[tuple[Any, ...], Dataset] = {}


def forget() -> None:
    """Drop data and models in memory: their files may have changed since they were read."""
    _prepared.clear()
    _model.cache_clear()


def _data(config: RunConfig, model: LoadedModel) -> Dataset:
    """Return the prepared dataset; one is kept, since runs of a sweep follow each other."""
    protocol = config.protocol
    inputs = (protocol.resize, protocol.note_characters, protocol.long_notes)
    key = (config.dataset, model.transform.key, model.name, *inputs)
    if key not in _prepared:
        _prepared.clear()
        _prepared[key] = prepare(
            source_of(config),
            model.transform,
            model.tokenizer,
            resize=protocol.resize,
            note_characters=protocol.note_characters,
            long_notes=protocol.long_notes,
            cache_dir=cache_root(),
        )
    return _prepared[key]


def source_of(config: RunConfig) -> Source:
    """Return the dataset folder of a run, read; the synthetic default is written if need be.

    Raises:
        FairbenchError: no such folder, or one that cannot be used.
    """
    from benchmark.data.fairvlmed import read_fairvlmed
    from benchmark.data.synthetic.default import default_synthetic

    root = config.dataset.data_dir
    if root is None:
        if config.dataset.name != "synthetic":
            raise FairbenchError(
                f"dataset '{config.dataset.name}' cannot be downloaded; give its folder "
                "with --data-dir"
            )
        root = default_synthetic(cache_root())
    source = read_fairvlmed(root, config.dataset.notes, cache_root())
    if source.schema.name != config.dataset.name:
        raise FairbenchError(
            f"{root} holds the dataset '{source.schema.name}', not '{config.dataset.name}'; "
            f"use --dataset {source.schema.name}"
        )
    return source


class _Both:
    """Tells two observers of every fact."""

    def __init__(self, *observers: Observer) -> None:
        self.observers: Sequence[Observer] = observers

    def on_step(self, facts: StepFacts) -> None:
        for observer in self.observers:
            observer.on_step(facts)

    def on_epoch(self, facts: EpochFacts) -> None:
        for observer in self.observers:
            observer.on_epoch(facts)
