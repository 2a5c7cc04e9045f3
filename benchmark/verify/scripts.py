"""What a public script was told to do, as keys of fairbench.

Known are the training scripts of both repositories that recorded trajectories come from. The
objective follows from script and command line; optimiser constants, trained parameters and
train/eval mode from what the recording saw of them.
"""

from __future__ import annotations

from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from benchmark.config import with_keys
from benchmark.data.dataset import Schema
from benchmark.protocol import Protocol
from benchmark.registry import find_variant
from benchmark.verify.pack import PackError
from benchmark.verify.trajectory import NotReplayedError, Trajectory
from variants.objective import Objective

_PASSED_OVER = (
    # Recorded otherwise (batches, epochs, optimiser constants), or without effect on numbers.
    *("--seed", "--num_epochs", "--lr", "--learning-rate", "--momentum", "--wd", "--weight-decay"),
    *("--batch_size", "--workers", "--result_dir", "--dataset_dir", "--perf_file", "--project"),
    *("--eval_set", "--model_arch"),
)


@dataclass(frozen=True)
class PublicRun:
    """The objective of a recorded public run.

    Attributes:
        variant: The variant whose keys were changed.
        objective: With the keys of the command line.
        groups: `attribute/group` of each group batch, in the order of the recording.
        notes: The notes file, by name.
    """

    variant: str
    objective: Objective
    groups: tuple[str, ...]
    notes: str


def public_run(trajectory: Trajectory, schema: Schema) -> PublicRun:
    """Return what the recorded script trained on.

    Raises:
        NotReplayedError: a script or flag that is not known.
        PackError: a command line that does not fit the recorded batches.
    """
    argv = trajectory.entry.value("argv")
    if not (isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv)):
        raise PackError(f"{trajectory.entry.where}: field 'argv' is not a list of texts")
    script = PurePosixPath(argv[0]).name
    if script not in _SCRIPTS:
        raise NotReplayedError(f"script '{script}' is not known; known: {', '.join(_SCRIPTS)}")
    flags, keys_of = _SCRIPTS[script]
    options = _parsed(trajectory, script, argv[1:], flags)
    if options.text_source != "note":
        raise NotReplayedError(f"--text_source {options.text_source}: trained on other texts")
    if options.pretrained_weights:
        raise NotReplayedError("--pretrained_weights: other initial weights than the recorded ones")
    variant, keys, groups = keys_of(trajectory, options, schema)
    for step in trajectory.steps:
        if len(step.group_files) != len(groups) or len(step.distances) != len(groups):
            raise PackError(
                f"{step.where}: {len(step.group_files)} group batches and {len(step.distances)} "
                f"distances; the command line makes {len(groups)}: {', '.join(groups) or 'none'}"
            )
    origin = f"{trajectory.entry.where}: field 'argv'"
    objective = with_keys(find_variant(variant).objective, keys, origin)
    return PublicRun(variant, objective, groups, options.summarized_note_file or "gpt-4")


def public_protocol(trajectory: Trajectory) -> Protocol:
    """Return the recorded protocol, on a CPU in float32.

    Mode `train` is recorded where the model was never switched: the stand-in for the script's
    model loader returned train mode. For CLIP with vision transformers modes are equal.
    """
    entry = trajectory.entry
    groups = entry.entries("optimizer_groups", "lr")
    settings = [
        (g.number("lr"), tuple(g.numbers("betas")), g.number("eps"), g.number("weight_decay"))
        for g in groups
    ]
    if len(set(settings)) != 1:
        raise NotReplayedError(f"'optimizer_groups' differ or are none: {settings}")
    lr, betas, eps, weight_decay = settings[0]
    trained = sum(g.integer("n_params") for g in groups)
    keys = {
        "long_notes": "error",
        "trained": "all" if trained == entry.integer("n_model_params") else "encoders",
        "mode": "train" if entry.value("model_training_flag_at_end") else "switched",
        "lr": lr,
        "betas": betas,
        "eps": eps,
        "weight_decay": weight_decay,
        "epochs": len(trajectory.epochs),
        "batch_size": max(len(step.files) for step in trajectory.steps),
    }
    return with_keys(Protocol(), keys, f"{entry.where}: field 'optimizer_groups'")


def _parsed(trajectory: Trajectory, script: str, words: list[str], flags: _Flags) -> Namespace:
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    for name in _PASSED_OVER:
        parser.add_argument(name)
    parser.add_argument("--text_source", default="note")
    parser.add_argument("--pretrained_weights", default="")
    parser.add_argument("--summarized_note_file", default="")
    for name, settings in flags.items():
        parser.add_argument(name, **settings)
    try:
        options, unknown = parser.parse_known_args(words)
    except ArgumentError as error:
        raise PackError(f"{trajectory.entry.where}: field 'argv': {error}") from None
    if unknown:
        raise NotReplayedError(f"'{unknown[0]}' of {script} is not known")
    return options


_Flags = Mapping[str, Mapping[str, Any]]
_Keys = tuple[str, dict[str, Any], tuple[str, ...]]
"""Variant, keys to change, and `attribute/group` of every group batch."""


def _clip(trajectory: Trajectory, options: Namespace, schema: Schema) -> _Keys:
    return "clip-ft", {}, ()


def _fairclip(trajectory: Trajectory, options: Namespace, schema: Schema) -> _Keys:
    """`finetune_FairCLIP.py`; the reproduction's copy divides the batch scores too."""
    told = f"{trajectory.name} {trajectory.entry.text('what')}".lower()
    keys = {
        "normalise": "both" if "repro" in told else "groups",
        "blur": options.sinkhorn_blur,
        "solver": "geomloss-fp64" if _in_float64(trajectory) else "geomloss-fp32",
        "weight": options.lambda_fairloss,
        "attributes": {options.attribute: 1.0},
        "group_batch": options.batchsize_fairloss,
    }
    return "fairclip", keys, _groups(trajectory, schema, options.attribute)


def _plus(variant: str, distance_keys: Callable[[Namespace], dict[str, Any]]) -> Any:
    """Return the reader of a `FairCLIPPlus_refactored*.py`, whose weights need not sum to 1."""

    def keys_of(trajectory: Trajectory, options: Namespace, schema: Schema) -> _Keys:
        lists = options.attributeslist, options.weightslist, options.groups_per_attr
        if len({len(values) for values in lists}) != 1 or not sum(options.weightslist) > 0:
            raise PackError(
                f"{trajectory.entry.where}: field 'argv': attributes {lists[0]}, weights "
                f"{lists[1]} and numbers of groups {lists[2]} do not fit together"
            )
        used = [row for row in zip(*lists, strict=True) if row[1] != 0]
        total = sum(weight for _, weight, _ in used)
        groups: tuple[str, ...] = ()
        for attribute, _, count in used:
            groups += _groups(trajectory, schema, attribute)[:count]
        keys = {
            "weight": options.lambda_fairloss * total,
            "attributes": {attribute: weight / total for attribute, weight, _ in used},
            "group_batch": options.batchsize_fairloss,
            "solver": "geomloss-fp64" if _in_float64(trajectory) else "geomloss-fp32",
            **distance_keys(options),
        }
        return variant, keys, groups

    return keys_of


def _groups(trajectory: Trajectory, schema: Schema, attribute: str) -> tuple[str, ...]:
    if attribute not in schema.attributes:
        raise PackError(
            f"{trajectory.entry.where}: field 'argv': unknown attribute '{attribute}'; known: "
            f"{', '.join(schema.attributes)}"
        )
    return tuple(f"{attribute}/{group}" for group in schema.attributes[attribute])


def _in_float64(trajectory: Trajectory) -> bool:
    """Return whether `SamplesLoss` was handed float64 scores: its values have float64 digits."""
    values = np.array([d for step in trajectory.steps for d in step.distances], np.float64)
    return bool(np.mean(values != values.astype(np.float32)) > 0.5) if len(values) else False


_FAIR: _Flags = {
    "--batchsize_fairloss": {"type": int, "default": 64},
    "--lambda_fairloss": {"type": float, "default": 1e-4},
    "--sinkhorn_blur": {"type": float, "default": 1e-4},
}
_SEVERAL: _Flags = {
    **_FAIR,
    "--attributeslist": {"nargs": "*", "default": ["race", "gender", "ethnicity", "language"]},
    "--weightslist": {"nargs": "*", "type": float, "default": [0.5, 0.5, 0.0, 0.0]},
    "--groups_per_attr": {"nargs": "*", "type": int, "default": [3, 2, 2, 3]},
}
_SCRIPTS: Mapping[str, tuple[_Flags, Callable[[Trajectory, Namespace, Schema], _Keys]]] = {
    "finetune_CLIP.py": ({}, _clip),
    "finetune_FairCLIP.py": ({**_FAIR, "--attribute": {"default": "race"}}, _fairclip),
    "FairCLIPPlus_refactored.py": (
        _SEVERAL,
        _plus("fairclip-plus", lambda options: {"blur": options.sinkhorn_blur}),
    ),
    # Both compute the penalty and overwrite the loss with the base loss; geomloss's own bandwidth.
    "FairCLIPPlus_refactored_mmd_gauss.py": (
        _SEVERAL,
        _plus("mmd-gaussian", lambda options: {"as_run": True}),
    ),
    "FairCLIPPlus_refactored_mmd_laplacian.py": (
        _SEVERAL,
        _plus("mmd-laplacian", lambda options: {"as_run": True}),
    ),
}
