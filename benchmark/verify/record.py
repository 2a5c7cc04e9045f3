"""Records a run of fairbench in the format of the recorded public runs.

`trajectory_<name>.json` and `trajectory_predictions.npz` in a folder: what others need to check
their code against fairbench, batch by batch, and what `fairbench verify --pack` replays. Files
are named and their notes are not: no text of a note is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from benchmark.data.dataset import SplitName
from benchmark.errors import FairbenchError
from benchmark.execute import Planned, seeded_batches, source_of
from benchmark.fast_step import step_numerics
from benchmark.provenance import provenance
from benchmark.results import replace_json
from benchmark.selection import SplitScores, select_epoch
from benchmark.trainer import DivergedError, EpochFacts, StepFacts, train
from benchmark.verify.epoch_metrics import epoch_metrics
from benchmark.verify.pack import Pack
from benchmark.verify.rebuild import OWN
from benchmark.verify.trajectory import NUMBERED, PREDICTIONS, PREFIX, numbered
from benchmark.version import __version__

TOLERANCE = 1e-5
NOISY_TOLERANCE = 1e-3
"""For float32 Sinkhorn, whose gradient is mostly rounding error."""

_FOLDERS: Mapping[SplitName, str] = {"val": "Validation", "test": "Test"}


def record(planned: Planned, folder: Path, name: str) -> Path:
    """Train a run and write its trajectory; return the path of the JSON file.

    The epoch is selected as the variant's source does: by the test AUC if it does so, else by
    the validation AUC. That split's scores are recorded.

    Args:
        planned: A run that trains, on the CPU, where runs are bit-identical.
        folder: Made if it is not there; it may hold other trajectories.
        name: Letters, digits, `_`, `-` and `.`; a trajectory of that name is replaced.

    Raises:
        FairbenchError: a name that is no file name, a run that does not train or diverges, or a
            folder that cannot be written.
    """
    config = planned.config
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise FairbenchError(f"name '{name}': use letters, digits, '_', '-' and '.'")
    if not config.objective.trains or config.objective.frozen:
        raise FairbenchError(f"variant '{config.variant}' does not train: nothing to record")
    if config.dataset.train_share:
        raise FairbenchError(
            "a record names files of the whole training set; leave out train_share"
        )
    recording = _Recording(planned)
    with step_numerics(config):
        try:
            batches = seeded_batches(planned)
            module = train(config, planned.model, planned.data, batches, recording)
        except DivergedError as error:
            raise FairbenchError(f"{config.label}: diverged, {error}; nothing written") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_predictions(folder, name, recording.arrays)
        path = folder / f"{PREFIX}{name}.json"
        replace_json(path, _strict({"name": name, **recording.document(module)}))
    except OSError as error:
        raise FairbenchError(f"{folder}: cannot be written ({error.strerror})") from error
    return path


class _Recording:
    """An observer that keeps a run in the recorded format.

    Attributes:
        arrays: `epNNN_val_pred`, `_gt` and `_attr` of every epoch; `val` is a fixed word of the
            format and stands for the evaluated split.
    """

    def __init__(self, planned: Planned) -> None:
        self._planned = planned
        own = planned.config.objective.own_selection
        self._split: SplitName = "test" if own == "test-auc" else "val"
        self._files = source_of(planned.config).splits
        self._numbers = numbered([f for split in self._files.values() for f in split.files])
        self._steps: list[dict[str, Any]] = []
        self._epochs: list[dict[str, Any]] = []
        self._scores: list[NDArray[np.float32]] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def on_step(self, facts: StepFacts) -> None:
        """Keep batches, terms and distances."""
        parts = {name: v for term in facts.terms.values() for name, v in term.parts.items()}
        groups = facts.batches.groups
        terms = {name: term.value for name, term in facts.terms.items()}
        self._steps.append(
            {
                "step": len(self._steps),
                "epoch": facts.epoch - 1,
                "files": self._names("train", facts.batches.main),
                "groups": list(groups),
                "group_files": [self._names("train", index) for index in groups.values()],
                "base_loss": terms.get("clip", facts.loss),
                "distance_per_group": [parts[g] for g in groups] if parts else [],
                "total_loss": facts.loss,
                "terms": terms,
                "gradient_norm_at_features": {
                    name: term.gradient_norm for name, term in facts.terms.items()
                },
            }
        )

    def on_epoch(self, facts: EpochFacts) -> None:
        """Keep scores and metrics."""
        split = self._planned.data.splits[self._split]
        score = facts.scores[self._split].score
        metrics = epoch_metrics(split.label, score, split.attributes, self._planned.data.schema)
        losses = [step["total_loss"] for step in self._steps if step["epoch"] == facts.epoch - 1]
        self._epochs.append(
            {
                "epoch": facts.epoch - 1,
                "mean_train_loss": math.fsum(losses) / len(losses),
                **metrics,
                "pred_min": float(score.min()),
                "pred_max": float(score.max()),
            }
        )
        self._scores.append(score)
        prefix = f"ep{facts.epoch - 1:03d}_val"
        self.arrays[f"{prefix}_pred"] = score
        self.arrays[f"{prefix}_gt"] = split.label
        self.arrays[f"{prefix}_attr"] = np.stack([*split.attributes.values()], axis=1)

    def document(self, module: nn.Module) -> dict[str, Any]:
        """Return the JSON file's content, less the name."""
        config, data = self._planned.config, self._planned.data
        made, protocol = provenance(config.device), config.protocol
        parameters = list(module.parameters())
        initial = self._planned.model.module.state_dict()
        final = module.state_dict()
        selected = self._selected()
        return {
            "what": f"fairbench {__version__}: {config.label}, protocol {config.protocol_label}",
            "suggested_rel_tolerance_per_step_loss": _tolerance(config.objective.keys()),
            "argv": [OWN, "record", "--variant", config.variant],
            "seed": config.seed,
            "versions": {"python": made["python"], OWN: __version__, **made["packages"]},
            "commit": made["commit"],
            "threads": config.threads,
            "steps_per_epoch": sum(step["epoch"] == 0 for step in self._steps),
            "file_ids": "file names" if isinstance(self._numbers[0], str) else NUMBERED,
            "eval_folder": _FOLDERS[self._split],
            "eval_file_order": self._names(self._split, np.arange(len(data.splits[self._split]))),
            "optimizer_groups": [
                {
                    "lr": protocol.lr,
                    "betas": list(protocol.betas),
                    "eps": protocol.eps,
                    "weight_decay": protocol.weight_decay,
                    "n_params": sum(p.numel() for p in parameters if p.requires_grad),
                }
            ],
            "n_model_params": sum(p.numel() for p in parameters),
            "changed_params": [name for name in final if not final[name].equal(initial[name])],
            "model_training_flag_at_end": module.training,
            "steps": self._steps,
            "epochs": self._epochs,
            "selected_epoch": selected,
            "selected_epoch_rests_on_a_float_tie": False,  # AUCs are compared as exact fractions
            "final_param_l2": {name: float(final[name].double().norm()) for name in final},
            OWN: self._configuration(),
        }

    def _configuration(self) -> dict[str, Any]:
        config, data, model = self._planned.config, self._planned.data, self._planned.model
        folder = config.dataset.data_dir
        return {
            "variant": config.variant,
            "label": config.label,
            "objective": config.objective.keys(),
            "preset": config.preset,
            "protocol": config.protocol.keys(trains=True),
            "model": {**config.model.model_dump(), "weights": model.weights_hash},
            "dataset": {
                "name": config.dataset.name,
                "data_dir": None if folder is None else str(folder.resolve()),
                "notes": config.dataset.notes,
                "fingerprint": data.fingerprint,
            },
        }

    def _selected(self) -> int | None:
        label = self._planned.data.splits[self._split].label
        scores = SplitScores(np.stack(self._scores), label)
        epochs = range(len(self._scores))
        return select_epoch(f"{self._split}-auc", epochs, val=scores, test=scores).epoch

    def _names(self, split: SplitName, index: NDArray[np.int64]) -> list[int] | list[str]:
        names = [self._files[split].files[i] for i in index.tolist()]
        return numbered(names) if isinstance(self._numbers[0], int) else names


def _tolerance(keys: Mapping[str, Any]) -> float:
    noisy = keys.get("distance") == "sinkhorn" and keys.get("solver") == "geomloss-fp32"
    return NOISY_TOLERANCE if noisy else TOLERANCE


def _write_predictions(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put the arrays of one trajectory beside those of the others, whole or not at all."""
    pack, path = Pack(folder), folder / PREDICTIONS
    others = pack.arrays(PREDICTIONS).arrays if pack.has(PREDICTIONS) else {}
    stored: dict[str, Any] = {k: a for k, a in others.items() if not k.startswith(f"{name}__")}
    stored |= {f"{name}__{key}": array for key, array in arrays.items()}
    temporary = folder / f".{name}.npz"
    np.savez_compressed(temporary, **stored)
    temporary.replace(path)


def _strict(value: Any) -> Any:
    """Return the value with NaN and infinities as strings: JSON has none."""
    if isinstance(value, dict):
        return {key: _strict(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_strict(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
