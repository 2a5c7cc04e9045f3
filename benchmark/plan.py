"""From what a user asks for to the list of runs: variants × attributes × seeds."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from benchmark.checkpoints import CHECKPOINT_RULES
from benchmark.config import (
    DATASETS,
    DatasetConfig,
    ModelConfig,
    RunConfig,
    check_keys,
    check_used,
    resolve,
    with_keys,
)
from benchmark.data.config import DATASET_KEYS, GENERATED
from benchmark.errors import FairbenchError, unknown_name
from benchmark.registry import Variant, find_variant
from benchmark.suite import Suite, SuiteRun, blamed_on


@dataclass(frozen=True)
class Request:
    """What a command or a call asks for; None keeps the suite's value, or the default.

    Attributes:
        variants: Names or paths.
        attributes: One run for each, for every variant that trains on groups.
        dataset, data_dir, notes: Which data.
        model, pretrained: Which weights.
        protocol: Preset.
        seeds: Seeds of the variants that train.
        changes: Flat key → value.
        device: `auto`, `cpu` or `cuda`.
        threads: CPU threads.
        keep_checkpoint: Selection rules whose epochs' weights are kept, of `CHECKPOINT_RULES`.
        conditions: Of a suite; empty is all that it has.
    """

    variants: Sequence[str] = ()
    attributes: Sequence[str] = ()
    dataset: str | None = None
    data_dir: Path | None = None
    notes: str | None = None
    model: str | None = None
    pretrained: str | None = None
    protocol: str | None = None
    seeds: Sequence[int] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    threads: int = 1
    keep_checkpoint: Sequence[str] = ()
    conditions: Sequence[str] = ()


def plan(request: Request, suite: Suite | None = None) -> list[RunConfig]:
    """Return the runs of a request, or of a suite with the request laid over it.

    Raises:
        FairbenchError: unknown names, keys that nothing uses, values that a key does not take,
            both a suite and variants, or a size on data that needs a folder without one.
        ValueError: a suite with sizes that stands at none.
    """
    if suite is not None and (request.variants or request.attributes):
        raise FairbenchError(
            f"suite '{suite.name}' names its own variants and attributes; "
            "leave out --variant and --attribute, or --suite"
        )
    if suite is None:
        if request.conditions:
            raise FairbenchError("--condition belongs to --suite: it names one of its conditions")
        if not request.variants:
            raise FairbenchError("name what to run: --variant NAME (one or more), or --suite NAME")
        runs = [SuiteRun(variant=v, attributes=tuple(request.attributes)) for v in request.variants]
        suite = Suite(name="command", question="", runs=tuple(runs))
    if request.threads < 1:
        raise FairbenchError(f"threads is {request.threads}; expected at least 1")
    for rule in request.keep_checkpoint:
        if rule not in CHECKPOINT_RULES:
            raise unknown_name("checkpoint rule", rule, CHECKPOINT_RULES)
    if suite.sizes:
        raise ValueError(f"suite '{suite.name}' stands at none of its sizes; `Suite.sized` first")
    parts = suite.under(request.conditions)
    configs = [
        config
        for part in parts
        for config in _under_condition(_with_folder_of(request, part, parts), part)
    ]
    return _keeping(configs, request.keep_checkpoint)


def _with_folder_of(request: Request, part: Suite, parts: Sequence[Suite]) -> Request:
    """Return the request without its folder where that is another condition's.

    Among conditions on several datasets, `--data-dir` is the folder of the one that is not
    generated.
    """
    names = {other.dataset.name for other in parts}
    if request.data_dir is None or request.dataset is not None or len(names) == 1:
        return request
    needy = sorted(name for name in names if name not in GENERATED)
    if len(needy) != 1:
        raise FairbenchError(
            f"--data-dir is one folder and suite '{part.name}' runs on {', '.join(sorted(names))}; "
            "choose one of its conditions with --condition"
        )
    return request if part.dataset.name in needy else replace(request, data_dir=None)


def _under_condition(request: Request, suite: Suite) -> list[RunConfig]:
    """Return the runs of a suite under one of its conditions."""
    with blamed_on(None if request.dataset else suite, unless=request.changes):
        dataset = _dataset(request, suite.dataset)
        _require_folder(dataset, suite)
    other = {name: v for name, v in request.changes.items() if name not in DATASET_KEYS}
    request = replace(request, changes=other)
    shared: dict[str, Any] = {
        "preset": request.protocol or suite.protocol,
        "dataset": dataset,
        "model": _model(request, suite.model),
        "threads": request.threads,
        "device": _device(request.device),
    }
    with blamed_on(suite, unless=request.changes):
        return _configs(request, suite, shared)


def _configs(request: Request, suite: Suite, shared: Mapping[str, Any]) -> list[RunConfig]:
    """Return the runs of a suite with the request laid over it."""
    settings = [{**suite.set, **run.set, **request.changes} for run in suite.runs]
    variants = [find_variant(run.variant) for run in suite.runs]
    using = [_with_backbone(v, changes) for v, changes in zip(variants, settings, strict=True)]
    everyone = {variant.name: variant for users in using for variant in users}.values()
    check_keys(suite.set, everyone)
    check_keys(request.changes, everyone)
    configs = []
    for run, users, changes in zip(suite.runs, using, settings, strict=True):
        check_keys(run.set, users)
        for_all = {*request.changes, *(suite.set.keys() - run.set.keys())}
        grouped = any(variant.objective.trains_on for variant in users)
        seeds = request.seeds if request.seeds is not None else suite.seeds
        for attribute in (run.attributes if grouped else ()) or (None,):
            for seed in seeds:
                config = resolve(
                    users[0],
                    attribute=attribute,
                    changes=changes,
                    may_ignore=for_all if len(variants) > 1 else (),
                    seed=seed,
                    **shared,
                )
                configs.append(config)
                if config.seed is None:  # one run, whatever the seeds
                    break
    check_used({**suite.set, **request.changes}, configs)
    return configs


def _with_backbone(variant: Variant, changes: Mapping[str, Any]) -> list[Variant]:
    """Return the variant, and the one whose weights it starts from with these changes."""
    keys = variant.objective.keys()
    own = {name: value for name, value in changes.items() if name in keys}
    objective = with_keys(variant.objective, own, f"variant '{variant.name}'")
    name = objective.backbone_variant
    return [variant] if name is None else [variant, find_variant(name)]


def _keeping(configs: Sequence[RunConfig], rules: Sequence[str]) -> list[RunConfig]:
    """Return the runs, those that train the model's weights with the rules to keep them by."""
    kept = {"keep": tuple(dict.fromkeys(rules))}
    keeping = [
        config.model_copy(update=kept)
        if config.objective.trains and not config.objective.frozen
        else config
        for config in configs
    ]
    if rules and not any(config.keep for config in keeping):
        names = ", ".join(dict.fromkeys(config.variant for config in configs))
        raise FairbenchError(f"{names}: no weights of the model train; leave out --keep-checkpoint")
    return keeping


def _dataset(request: Request, suite: DatasetConfig) -> DatasetConfig:
    name = request.dataset or suite.name
    if name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    # A folder and keys belong to the data set that they were named with.
    start = suite if name == suite.name else DatasetConfig(name=name)
    given = {"data_dir": request.data_dir, "notes": request.notes}
    changes = {key: value for key, value in given.items() if value is not None}
    changes |= {key: v for key, v in request.changes.items() if key in DATASET_KEYS}
    return with_keys(start, changes, f"dataset '{name}'")


def _require_folder(dataset: DatasetConfig, suite: Suite) -> None:
    """Raise if a suite's size is of data that is not at hand."""
    _, sized, size = suite.name.partition("@")
    if sized and dataset.data_dir is None and dataset.name not in GENERATED:
        raise FairbenchError(
            f"size '{size}' runs on dataset '{dataset.name}', which cannot be downloaded; give "
            "its folder with --data-dir, or choose a size on generated data"
        )


def _model(request: Request, suite: ModelConfig) -> ModelConfig:
    if request.model is None and request.pretrained is None:
        return suite
    return ModelConfig(name=request.model or suite.name, pretrained=request.pretrained)


def _device(name: str) -> Literal["cpu", "cuda"]:
    if name == "cpu":
        return "cpu"
    if name not in ("auto", "cuda"):
        raise unknown_name("device", name, ["auto", "cpu", "cuda"])
    if name == "auto" and not _may_have_gpu():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise FairbenchError("device 'cuda' was asked for and torch finds no GPU; use --device cpu")
    return "cpu"


def _may_have_gpu() -> bool:
    """Return False where no driver shows a GPU, so that torch need not be asked, which is slow."""
    if sys.platform != "linux":
        return True
    drivers = (Path("/dev/kfd"), Path("/dev/dxg"), *Path("/dev").glob("nvidia*"))
    return any(driver.exists() for driver in drivers)
