"""A results folder of the public FairCLIP code as a run.

Its files hold test scores only, so no rule that selects on validation can be applied to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmark.config import RunConfig, resolve
from benchmark.data.dataset import sample_ids
from benchmark.data.fairvlmed_npz import ATTRIBUTES, CLASSES
from benchmark.errors import FairbenchError
from benchmark.importing.official_files import (
    ARGS,
    TestPredictions,
    prediction_files,
    read_args,
    read_best,
    read_predictions,
)
from benchmark.importing.printed import check_printed
from benchmark.importing.run import UNKNOWN_VALUE, ImportedRun, ImportedSplit
from benchmark.registry import find_variant

PROTOCOL = {
    "num_epochs": "epochs",
    "lr": "lr",
    "weight_decay": "weight_decay",
    "batch_size": "batch_size",
    "text_source": "text_source",
    "summarized_note_file": "notes",
}
"""Argument → the key under which runs are compared; one that differs makes them confounded."""

OBJECTIVE = {
    "lambda_fairloss": "weight",
    "sinkhorn_blur": "blur",
    "batchsize_fairloss": "group_batch",
}
"""Argument → key of the variant `fairclip`; their absence tells finetune_CLIP.py."""

UNKNOWABLE = (
    "sample ids (samples are told apart by their place in the files)",
    "training data",
    "initial weights",
    "versions and hardware",
    "validation scores",
)
_SEED = re.compile(r"_seed(\d+)_auc[\d.]+$")


@dataclass(frozen=True)
class OfficialRun:
    """A folder that was read: the run, and how many printed metrics its predictions gave."""

    run: ImportedRun
    checked: int


def run_folders(folder: Path) -> list[Path]:
    """Return the folder itself if it holds a run, else those directly below it that do.

    Raises:
        FairbenchError: no folder, or none with predictions.
    """
    if not folder.is_dir():
        raise FairbenchError(f"{folder}: is not a folder")
    if prediction_files(folder):
        return [folder]
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and prediction_files(path)]
    if not below:
        raise FairbenchError(
            f"{folder}: no pred_gt_ep*.npz here or one folder below; name the --result_dir of "
            "finetune_CLIP.py or finetune_FairCLIP.py"
        )
    return below


def read_official(folder: Path) -> OfficialRun:
    """Read a results folder of finetune_CLIP.py or finetune_FairCLIP.py.

    Epoch 1 is what the files call epoch 000: the state after one pass.

    Raises:
        FairbenchError: a file that is missing or damaged, or printed metrics that the
            predictions do not give.
    """
    args = read_args(folder)
    epochs = args.get("num_epochs")
    if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
        raise FairbenchError(f"{folder / ARGS}: num_epochs is {epochs!r}; expected a number")
    found = read_predictions(folder, epochs)
    checked = sum(check_printed(found, row) for row in read_best(folder))
    run = _run(folder, args, found)
    return OfficialRun(run, checked)


def _run(folder: Path, args: Mapping[str, Any], found: TestPredictions) -> ImportedRun:
    config = _config(folder, args)
    seed = _seed(folder, args)
    protocol = {key: args[name] for name, key in PROTOCOL.items() if name in args}
    if "notes" in protocol:  # a name, so that folders on two machines agree
        protocol["notes"] = Path(str(protocol["notes"])).name
    positions = [f"position {i}" for i in range(len(found.label))]
    test = ImportedSplit(
        sample_id=sample_ids("official", positions),
        label=found.label,
        codes={name: found.codes[:, i].copy() for i, name in enumerate(ATTRIBUTES)},
        score=found.score,
    )
    lacking = [name for name in (*PROTOCOL, "model_arch") if name not in args]
    return ImportedRun(
        source="official",
        variant=config.variant,
        label=config.label,
        attributes=config.attributes,
        own_selection="test-auc",
        seed=seed,
        objective={k: v for k, v in config.objective.identity().items() if k != "kind"},
        protocol=protocol,
        protocol_label="official, imported",
        model=str(args.get("model_arch", UNKNOWN_VALUE)),
        dataset="fairvlmed",
        classes=CLASSES,
        groups=ATTRIBUTES,
        epochs=[epoch + 1 for epoch in found.epochs],
        splits={"test": test},
        unknown=(*UNKNOWABLE, *lacking, *(["seed"] if seed is None else [])),
        files=dict(_hashes(folder)),
    )


def _config(folder: Path, args: Mapping[str, Any]) -> RunConfig:
    """Return the variant with the keys that the arguments change, as its tables name it."""
    given = {key: args[name] for name, key in OBJECTIVE.items() if name in args}
    if not given:
        return resolve(find_variant("clip-ft"))
    attribute = args.get("attribute")
    if attribute not in ATTRIBUTES:
        raise FairbenchError(
            f"{folder / ARGS}: attribute is {attribute!r}; the public code knows "
            f"{', '.join(ATTRIBUTES)}"
        )
    try:
        return resolve(find_variant("fairclip"), attribute=attribute, changes=given)
    except FairbenchError as error:
        raise FairbenchError(f"{folder / ARGS}: {error}") from error


def _seed(folder: Path, args: Mapping[str, Any]) -> int | None:
    """Return the seed of the arguments, else of the folder's name, which the code gives it."""
    in_name = _SEED.search(folder.resolve().name)
    seed = args.get("seed", int(in_name[1]) if in_name else None)
    if seed is not None and (not isinstance(seed, int) or seed < 0):
        raise FairbenchError(f"{folder / ARGS}: seed is {seed!r}; expected a number from 0 on")
    return seed


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in (folder / ARGS, *prediction_files(folder).values()):
        yield path.name, sha256(path.read_bytes()).hexdigest()
