"""From what a user asks for to the list of runs: variants × attributes × seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmark.config import DATASETS, DatasetConfig, ModelConfig, RunConfig, check_keys, resolve
from benchmark.errors import FairbenchError, unknown_name
from benchmark.registry import find_variant
from benchmark.suite import Suite, SuiteRun


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


def plan(request: Request, suite: Suite | None = None) -> list[RunConfig]:
    """Return the runs of a request, or of a suite with the request laid over it.

    Raises:
        FairbenchError: unknown names, keys that nothing uses, values that a key does not take,
            or both a suite and variants.
    """
    if suite is not None and (request.variants or request.attributes):
        raise FairbenchError(
            f"suite '{suite.name}' names its own variants and attributes; "
            "leave out --variant and --attribute, or --suite"
        )
    if suite is None:
        if not request.variants:
            raise FairbenchError("name what to run: --variant NAME (one or more), or --suite NAME")
        runs = [SuiteRun(variant=v, attributes=tuple(request.attributes)) for v in request.variants]
        suite = Suite(name="command", question="", runs=tuple(runs))
    if request.threads < 1:
        raise FairbenchError(f"threads is {request.threads}; expected at least 1")
    shared: dict[str, Any] = {
        "preset": request.protocol or suite.protocol,
        "dataset": _dataset(request, suite.dataset),
        "model": _model(request, suite.model),
        "threads": request.threads,
        "device": _device(request.device),
    }
    variants = [find_variant(run.variant) for run in suite.runs]
    check_keys(suite.set, variants)
    check_keys(request.changes, variants)
    configs = []
    for run, variant in zip(suite.runs, variants, strict=True):
        check_keys(run.set, [variant])
        changes = {**suite.set, **run.set, **request.changes}
        grouped = bool(variant.objective.group_weights)
        seeds = request.seeds if request.seeds is not None else suite.seeds
        for attribute in (run.attributes if grouped else ()) or (None,):
            for seed in seeds if variant.objective.trains else (None,):
                configs.append(
                    resolve(variant, attribute=attribute, changes=changes, seed=seed, **shared)
                )
    return configs


def _dataset(request: Request, suite: DatasetConfig) -> DatasetConfig:
    name = request.dataset or suite.name
    if name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    # A folder belongs to the data set that it was named with.
    folder = suite.data_dir if name == suite.name else None
    return DatasetConfig(
        name=name,
        data_dir=request.data_dir or folder,
        notes=request.notes or suite.notes,
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
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise FairbenchError("device 'cuda' was asked for and torch finds no GPU; use --device cpu")
    return "cpu"
