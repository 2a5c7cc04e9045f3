"""The protocol: everything that trains but is not the objective, as keys with their sources.

One protocol serves all variants of a comparison, the baseline included. A preset is a choice
of keys; `--set` changes single keys. Only keys that differ from the class defaults enter a
run's identity, so a new key with a default leaves old runs as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from benchmark.errors import unknown_name
from variants.objective import key


class Protocol(BaseModel):
    """Keys of inputs, precision and optimisation, shared by all variants of a comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: Literal["float", "uint8"] = key(
        "float",
        "pixel type in which images are resized",
        paper="not stated",
        official="float: PIL mode F in the dataset class of src/modules.py; cut, not rounded",
        reproduction="float or uint8: the same in src/modules.py; uint8 for its FairFace files",
    )
    note_characters: int | None = key(
        180,
        "notes are cut at this many characters, then back to a space; null: not cut",
        paper="not stated: notes are summarised to fit 77 tokens",
        official="180: `truncate_note` of src/modules.py",
        reproduction="180 or null: the same in src/modules.py; FairFace captions are not cut",
    )
    long_notes: Literal["error", "truncate"] = key(
        "truncate",
        "a note with more tokens than the context holds is an error, or cut with a count",
        paper="not stated",
        official="error: `clip.tokenize` without truncate, src/modules.py",
        reproduction="error: the same in src/modules.py",
    )
    precision: Literal["fp32", "bf16-amp", "fp16-weights"] = key(
        "fp32",
        "fp32; bfloat16 autocast, with deterministic=false also faster kernels; or fp16 weights "
        "cast to fp32 for the step (fp32 on a CPU)",
        paper="not stated",
        official="fp16-weights: `clip.model.convert_weights` around each step on a GPU, "
        "finetune_FairCLIP.py",
        reproduction="fp32 or fp16-weights: FairCLIPPlus_refactored.py, finetune_CLIP.py",
    )
    trained: Literal["encoders", "all"] = key(
        "all",
        "trained parameters: image tower and text transformer, or every parameter",
        paper='all: "optimizing each component in CLIP", section 4.2',
        official="encoders: `model.transformer` and `model.visual`, finetune_FairCLIP.py",
        reproduction="all or encoders: FairCLIPPlus_refactored.py, finetune_CLIP.py",
    )
    mode: Literal["switched", "train", "eval"] = key(
        "switched",
        "train mode for steps and eval mode for evaluation, or one mode for both",
        paper="not stated",
        official="eval: `clip.load` returns eval mode, finetune_FairCLIP.py never switches",
        reproduction="switched or eval: FairCLIPPlus_refactored.py and finetune_CLIP.py; the "
        "FairFace scripts never switch",
    )
    deterministic: bool = key(
        True,
        "only deterministic kernels; on a GPU also without autotuned convolutions",
        paper="not stated",
        official="false: cudnn.deterministic=False, benchmark=True, src/modules.py",
        reproduction="true: cudnn.deterministic=True, benchmark=False, src/modules.py",
    )
    random_streams: Literal["named", "shared"] = key(
        "named",
        "one stream for each purpose, so that group batches do not move the main batches and "
        "seeds pair; or one for all, from which every pass of every loader takes its seed",
        paper="not stated",
        official="shared: torch's global generator, `set_random_seed` of src/modules.py",
        reproduction="shared: the same",
    )
    optimiser: Literal["adam", "adamw", "sgd"] = key(
        "adam",
        "adam adds weight decay to the gradient (L2); adamw decays weights apart; sgd is plain",
        paper="not stated",
        official="adam: `optim.Adam`, finetune_FairCLIP.py",
        reproduction="adam: the same, FairCLIPPlus_refactored.py",
    )
    lr: float = key(
        1e-5,
        "learning rate",
        paper="not stated",
        official="1e-5: scripts/finetune_FairCLIP.sh; the flag's default is 0.05",
        reproduction="1e-5 or 1.97e-6 or 3.76e-6 or 1.49e-5 or 1e-6: by job; 1e-6 on FairFace",
    )
    betas: tuple[float, float] = key(
        (0.1, 0.1),
        "decay rates of Adam's moments",
        paper="not stated",
        official="[0.1, 0.1]: finetune_FairCLIP.py",
        reproduction="[0.1, 0.1]: FairCLIPPlus_refactored.py",
    )
    eps: float = key(
        1e-6,
        "Adam's ε",
        paper="not stated",
        official="1e-6: finetune_FairCLIP.py",
        reproduction="1e-6: FairCLIPPlus_refactored.py",
    )
    weight_decay: float = key(
        6e-5,
        "weight decay",
        paper="not stated",
        official="6e-5: flag default, finetune_FairCLIP.py",
        reproduction="6e-5: flag default, FairCLIPPlus_refactored.py",
    )
    epochs: int = key(
        10,
        "passes over the training set",
        paper="not stated",
        official="10: flag default, finetune_FairCLIP.py",
        reproduction="10 or 20: flag default, and the jobs on FairFace",
    )
    batch_size: int = key(
        32,
        "pairs a step",
        paper="not stated",
        official="32: scripts/finetune_FairCLIP.sh",
        reproduction="32 or 128: flag default, and the jobs on FairFace",
    )
    last_batch: Literal["kept", "dropped"] = key(
        "kept",
        "the smaller last batch of each pass over training, validation or group samples, where "
        "something is trained; test samples are always scored",
        paper="not stated",
        official="kept: drop_last=False, finetune_FairCLIP.py",
        reproduction="kept or dropped: FairCLIPPlus_refactored.py; drop_last=True in its search "
        "HPO_FairCLIPPlus.py and in both FairCLIPPlus_refactored_mmd_*.py",
    )
    validation_features: Literal["unit", "raw"] = key(
        "unit",
        "features that validation scores are products of: of norm 1, or as the towers return them",
        paper="not stated",
        official="unit: finetune_FairCLIP.py",
        reproduction="unit or raw: FairCLIPPlus_refactored.py; raw in finetune_FairerCLIP.py, "
        "whose norms are commented out",
    )

    @field_validator("lr", "eps", "epochs", "batch_size")
    @classmethod
    def _positive(cls, value: float) -> float:
        if not 0 < value < float("inf"):
            raise ValueError(f"must be positive, got {value}")
        return value

    @field_validator("weight_decay")
    @classmethod
    def _not_negative(cls, value: float) -> float:
        if not 0 <= value < float("inf"):
            raise ValueError(f"must be a finite number of at least 0, got {value}")
        return value

    @field_validator("betas")
    @classmethod
    def _below_one(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= beta < 1 for beta in value):
            raise ValueError(f"must be two numbers in [0, 1), got {list(value)}")
        return value

    @field_validator("note_characters")
    @classmethod
    def _none_or_positive(cls, value: int | None) -> int | None:
        if value is not None and value < 1:
            raise ValueError(f"must be null or at least 1, got {value}")
        return value

    def keys(self, trains: bool, frozen: bool = False) -> dict[str, Any]:
        """Return the keys that can move a number of a run, with their values.

        A run that does not train the model's weights depends on `EVALUATION_KEYS` alone; a head
        on frozen features makes its own scores of them.
        """
        return self.model_dump(mode="json", include=keys_in_use(trains, frozen))

    @property
    def fast(self) -> bool:
        """Whether steps may take faster kernels, which move last bits: `benchmark.fast_step`."""
        return self.precision == "bf16-amp" and not self.deterministic

    def unused_keys(self) -> set[str]:
        """Return the keys that the values of other keys leave without effect."""
        return {"betas", "eps"} if self.optimiser == "sgd" else set()

    def identity(self, trains: bool, frozen: bool = False) -> dict[str, Any]:
        """Return those of `keys` that differ from their default."""
        changed = self.model_dump(mode="json", exclude_defaults=True)
        return {name: value for name, value in self.keys(trains, frozen).items() if name in changed}


EVALUATION_KEYS = frozenset(
    {"resize", "note_characters", "long_notes", "precision", "mode", "validation_features"}
)
"""The keys on which the scores of given weights depend."""


def keys_in_use(trains: bool, frozen: bool) -> set[str]:
    """Return the names of the keys that can move a number of a run; see `Protocol.keys`."""
    if trains:
        return set(Protocol.model_fields)
    return set(EVALUATION_KEYS) - ({"validation_features"} if frozen else set())


PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "official": (
        "finetune_FairCLIP.py and finetune_CLIP.py, the code released with FairCLIP",
        {
            "long_notes": "error",
            "precision": "fp16-weights",
            "trained": "encoders",
            "mode": "eval",
            "deterministic": False,
        },
    ),
    "reproduction": (
        "FairCLIPPlus_refactored.py of the reproducibility study",
        {"long_notes": "error"},
    ),
    "reproduction-clip-ft": (
        "finetune_CLIP.py of the reproducibility study: its baseline, trained otherwise than "
        "what it is compared with",
        {"long_notes": "error", "precision": "fp16-weights", "trained": "encoders"},
    ),
    "reproduction-mmd": (
        "FairCLIPPlus_refactored_mmd_gauss.py and _laplacian.py of the reproducibility study",
        {"long_notes": "error", "last_batch": "dropped", "lr": 1.97e-6},
    ),
    "fairface": (
        "finetune_FairerCLIP_fairface.py of the reproducibility study with its job",
        {
            "resize": "uint8",
            "note_characters": None,
            "long_notes": "error",
            "trained": "encoders",
            "mode": "eval",
            "lr": 1e-6,
            "batch_size": 128,
            "epochs": 20,
        },
    ),
    "paper": (
        "the text of the CVPR paper; where it is silent, as the reproduction",
        {"note_characters": None},
    ),
    "fast": (
        "the reproduction's keys in bfloat16, with the faster step",
        {"long_notes": "error", "precision": "bf16-amp", "deterministic": False},
    ),
    "tiny": (
        "the reproduction's keys with the step size that the shipped tiny CLIP needs",
        {"long_notes": "error", "lr": 1e-4},
    ),
}
"""Preset → (what it follows, the keys that differ from the defaults)."""

NO_PRESET_FOLLOWS: Mapping[str, str] = {
    "random_streams": "with one stream a regulariser changes the main batches, and variants "
    "would no longer pair by seed",
}
"""Keys that every preset leaves at fairbench's value though public code does otherwise: why."""


def protocol_preset(name: str) -> Protocol:
    """Return the preset of that name."""
    if name not in PRESETS:
        raise unknown_name("protocol", name, PRESETS)
    return Protocol(**PRESETS[name][1])
