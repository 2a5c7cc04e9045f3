"""One run, from its configuration to its folder."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from benchmark.analysis_plan import newest_plan
from benchmark.batches import SeededBatches, whole_validation_batches
from benchmark.checkpoints import (
    CHECKPOINTS,
    CheckpointKeeper,
    find_checkpoint,
    same_predictions,
)
from benchmark.config import RunConfig, run_id
from benchmark.data.cache import cache_root
from benchmark.data.dataset import Dataset, Source
from benchmark.data.prepare import prepare
from benchmark.data.train_share import TrainSubset, take_shares
from benchmark.encode import batch_norms
from benchmark.errors import FairbenchError
from benchmark.fast_step import step_kernels, step_numerics
from benchmark.freed_memory import keep_freed_memory
from benchmark.known_weights import remember_weights
from benchmark.model import LoadedModel, load_model
from benchmark.model_names import is_blip2
from benchmark.probe.features import forget_features
from benchmark.probe.train import train_probe
from benchmark.provenance import now, provenance
from benchmark.recorder import Recorder
from benchmark.results import RunStore, write_config, write_json
from benchmark.resume import fixed_weights
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
    """A run with all that it needs in memory; made by `plan_run`.

    `subset` says what training split `data` has, where it is not the whole.
    """

    config: RunConfig
    model: LoadedModel
    data: Dataset
    identity: dict[str, Any]
    subset: TrainSubset | None = None

    @property
    def id(self) -> str:
        """The run's id."""
        return run_id(self.identity)

    @property
    def backbone_id(self) -> str | None:
        """The id of the run whose weights this one starts from; None: the initial weights."""
        backbone = self.identity.get("backbone")
        return None if backbone is None else run_id(backbone)


def plan_run(config: RunConfig) -> Planned:
    """Load data and model of a run and return it with its identity.

    Raises:
        FairbenchError: data, model or attribute that cannot be had, or keys that do not suit them.
    """
    seed = 0 if fixed_weights(config) else config.seed or 0
    model = _model(config.model.name, config.model.pretrained, seed)
    whole = _data(config, model)
    subset = _subset(config, whole)
    data = whole if subset is None else subset.data
    for attribute in config.attributes:
        if attribute not in data.schema.attributes:
            raise FairbenchError(
                f"dataset '{data.schema.name}' has no attribute '{attribute}'. "
                f"Known: {', '.join(data.schema.attributes)}"
            )
    _check_model(config)
    if config.objective.two_classes and len(data.schema.classes) != 2:
        raise FairbenchError(
            f"variant '{config.variant}' with these keys is for two classes; dataset "
            f"'{data.schema.name}' has {len(data.schema.classes)}. Leave the variant out"
        )
    still = config.protocol.mode == "eval" or not batch_norms(model.module)
    if config.objective.groups_move_batch_norm and still:
        raise FairbenchError(
            f"variant '{config.variant}': group_batch_norm=moved has no effect, model "
            f"'{config.model.name}' with mode={config.protocol.mode} has no batch norm that "
            "moves; leave it out, or train such a model (RN50) in another mode"
        )
    identity = config.identity(data.fingerprint, model.weights_hash)
    if config.objective.fine_tuned and config.protocol.last_batch == "dropped":
        data = whole_validation_batches(data, config.protocol.batch_size)
    planned = Planned(config, model, data, identity, subset)
    if config.objective.fine_tuned:
        seeded_batches(planned)  # refuses what cannot be cut into batches, before anything runs
    return planned


def _check_model(config: RunConfig) -> None:
    """Refuse what a BLIP2 cannot do, before anything runs."""
    if not is_blip2(config.model.name):
        return
    if config.objective.auxiliary_lr is not None:
        raise FairbenchError(
            f"variant '{config.variant}' has a network that reads one feature vector an image; "
            f"model '{config.model.name}' has one for each query. Leave the variant out"
        )
    if config.objective.fine_tuned and config.protocol.trained == "encoders":
        raise FairbenchError(
            f"model '{config.model.name}' trains its Q-Former and projections, and its image "
            "encoder is frozen; use --set trained=all"
        )


def execute(planned: Planned, store: RunStore, watcher: Observer) -> Outcome:
    """Train the run and store its facts. The caller holds the run's lock.

    A run that diverges is stored with what was known, and so is one that fails, in
    `<id>.failed/`. An interruption leaves nothing and is raised again. A run that is there, but
    without the weights that are to be kept, is trained again; they are added to it if the
    predictions are the same, and nothing of it is changed in any case.
    """
    record = run_record(planned.config, store)
    recorder = Recorder(planned.data)
    keeper = CheckpointKeeper(planned.config.keep, planned.data)
    folder = store.begin(planned.id)
    try:
        write_config(folder / "config.yaml", _description(planned))
        outcome = _train(planned, store, _All(recorder, keeper, watcher))
        recorder.write(folder)
        _write_end(folder, record, recorder, outcome)
        if outcome.state == "done":
            keeper.write(folder)
        if store.finished(planned.id):
            _add_checkpoints(planned.id, store, folder)
        else:
            store.finish(planned.id)
    except Exception as error:
        reason = str(error) if isinstance(error, FairbenchError) else _named(error)
        message = " ".join(reason.split())  # torch's have many lines
        outcome = Outcome("failed", message)
        trace = traceback.format_tb(error.__traceback__)
        if store.finished(planned.id):
            store.discard(planned.id)
        else:
            _write_end(folder, record, recorder, outcome, traceback=trace)
            store.fail(planned.id)
    except BaseException:
        store.discard(planned.id)
        raise
    return outcome


def run_record(config: RunConfig, store: RunStore) -> dict[str, Any]:
    """Return what made a run: code, packages, host, kernels, and the plan that was in force."""
    return {
        **provenance(config.device),
        "step": step_kernels(config).described(),
        "plan": newest_plan(store.results),
    }


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _write_end(
    folder: Path, record: Mapping[str, Any], recorder: Recorder, outcome: Outcome, **more: Any
) -> None:
    write_json(folder / "provenance.json", {**record, "finished": now()})
    status = {"state": outcome.state, "epochs": recorder.epochs_done, "message": outcome.message}
    write_json(folder / "status.json", {**status, **more})


def _add_checkpoints(run_id: str, store: RunStore, folder: Path) -> None:
    if not same_predictions(folder, store.runs / run_id):
        raise FairbenchError(
            f"trained again for its weights, and the predictions are not those of {run_id}: other "
            "hardware or packages (see its provenance.json); delete that folder and run again"
        )
    store.add(run_id, [path.name for path in folder.glob(CHECKPOINTS)])


def _train(planned: Planned, store: RunStore, observer: Observer) -> Outcome:
    config = planned.config
    if config.device == "cpu":
        keep_freed_memory()
    with step_numerics(config):
        try:
            if config.objective.frozen:
                train_probe(config, _backbone(planned, store), planned.data, observer)
            else:
                train(config, planned.model, planned.data, seeded_batches(planned), observer)
        except DivergedError as error:
            return Outcome("diverged", str(error))
    return Outcome("done")


def _backbone(planned: Planned, store: RunStore) -> LoadedModel:
    """Return the weights that a probe starts from: initial, or a run's checkpoint."""
    backbone = planned.config.backbone
    if backbone is None or planned.backbone_id is None:
        return planned.model
    path = find_checkpoint(store.runs / planned.backbone_id, backbone.keep[0])
    return load_model(planned.config.model.name, str(path))


def seeded_batches(planned: Planned) -> SeededBatches:
    """Return the batches of a run, drawn from its seed."""
    config, objective = planned.config, planned.config.objective
    return SeededBatches(
        planned.data,
        config.seed or 0,
        config.protocol.batch_size,
        objective.group_weights,
        objective.group_batch_size,
        within_batch=objective.groups_within_batch,
        permuted=objective.permutes_groups,
        shared_stream=config.protocol.random_streams == "shared",
        drop_last=config.protocol.last_batch == "dropped",
        mismatched_captions=objective.mismatches_captions,
    )


def _description(planned: Planned) -> dict[str, Any]:
    """Return `config.yaml`: every key, what identifies the data, and the identity itself."""
    config, data = planned.config, planned.data
    return {
        "variant": config.variant,
        "label": config.label,
        "attributes": list(config.attributes),
        "own_selection": config.objective.own_selection,
        "ignored_keys": list(config.ignored),
        "objective": {"kind": config.objective.kind, **config.objective.keys()},
        "protocol": {
            "label": config.protocol_label,
            **config.protocol.keys(config.objective.fine_tuned, config.objective.frozen),
        },
        "trains": config.objective.trains,
        "seed": config.seed,
        "threads": config.threads,
        "device": config.device,
        "model": {
            **config.model.model_dump(),
            "random_init": not fixed_weights(config),
            "weights": planned.model.weights_hash,
        },
        "dataset": {
            **config.dataset.in_effect(),
            "name": data.schema.name,  # a table has one of its own
            "fingerprint": data.fingerprint,
            "test_fingerprint": data.test_fingerprint,
            "classes": list(data.schema.classes),
            "prompts": list(data.schema.prompts),
            "attributes": {name: list(groups) for name, groups in data.schema.attributes.items()},
            "samples": {name: len(split) for name, split in data.splits.items()},
            "dropped_unknown": dict(data.dropped),
            "truncated_notes": data.truncated_notes,
            **({} if planned.subset is None else planned.subset.described()),
        },
        "identity": planned.identity,
    }


@lru_cache(maxsize=2)
def _model(name: str, pretrained: str | None, seed: int) -> LoadedModel:
    found = load_model(name, pretrained, seed)
    remember_weights(name, pretrained, seed, found.weights_hash)
    return found


_prepared: dict[tuple[Any, ...], Dataset] = {}
_subsets: dict[tuple[str, str], TrainSubset] = {}


def forget() -> None:
    """Drop data and models in memory: their files may have changed since they were read."""
    _prepared.clear()
    _subsets.clear()
    _model.cache_clear()
    forget_features()


def _data(config: RunConfig, model: LoadedModel) -> Dataset:
    """Return the prepared dataset; one is kept, since runs of a sweep follow each other."""
    protocol = config.protocol
    inputs = (protocol.resize, protocol.note_characters, protocol.long_notes)
    files = config.dataset.model_dump_json(exclude={"train_share"})
    key = (files, model.transform.key, model.name, *inputs)
    if key not in _prepared:
        _prepared.clear()
        _subsets.clear()
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


def _subset(config: RunConfig, whole: Dataset) -> TrainSubset | None:
    """Return the training split that a run uses, None if the whole; one is kept, as of data."""
    shares = config.dataset.train_share
    if not shares:
        return None
    key = (whole.fingerprint, str(shares))
    if key not in _subsets:
        _subsets.clear()
        _subsets[key] = take_shares(whole, shares)
    return _subsets[key]


def source_of(config: RunConfig) -> Source:
    """Return the dataset folder of a run, read; the synthetic default is written if need be.

    Raises:
        FairbenchError: no such folder, or one that cannot be used.
    """
    from benchmark.data.readers import read_dataset

    return read_dataset(config.dataset)


class _All:
    """Tells several observers of every fact."""

    def __init__(self, *observers: Observer) -> None:
        self.observers: Sequence[Observer] = observers

    def on_step(self, facts: StepFacts) -> None:
        for observer in self.observers:
            observer.on_step(facts)

    def on_epoch(self, facts: EpochFacts) -> None:
        for observer in self.observers:
            observer.on_epoch(facts)
