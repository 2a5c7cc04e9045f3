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
        reproduction="float: as official",
    )
    note_characters: int | None = key(
        180,
        "notes are cut at this many characters, then back to a space; null: not cut",
        paper="not stated: notes are summarised to fit 77 tokens",
        official="180: `truncate_note` of src/modules.py",
        reproduction="180: as official",
    )
    long_notes: Literal["error", "truncate"] = key(
        "truncate",
        "a note with more tokens than the context holds is an error, or cut with a count",
        paper="not stated",
        official="error: `clip.tokenize` without truncate",
        reproduction="error: as official",
    )
    precision: Literal["fp32", "bf16-amp", "fp16-weights"] = key(
        "fp32",
        "fp32; bfloat16 autocast; or fp16 weights cast to fp32 for the step (fp32 on a CPU)",
        paper="not stated",
        official="fp16-weights: `clip.model.convert_weights` around each step on a GPU",
        reproduction="fp32",
    )
    trained: Literal["encoders", "all"] = key(
        "all",
        "trained parameters: image tower and text transformer, or every parameter",
        paper='all: "optimizing each component in CLIP", section 4.2',
        official="encoders: `model.transformer` and `model.visual`, finetune_FairCLIP.py",
        reproduction="all: FairCLIPPlus_refactored.py",
    )
    mode: Literal["switched", "train", "eval"] = key(
        "switched",
        "train mode for steps and eval mode for evaluation, or one mode for both",
        paper="not stated",
        official="eval: `clip.load` returns eval mode and the script never switches",
        reproduction="switched: FairCLIPPlus_refactored.py",
    )
    deterministic: bool = key(
        True,
        "only deterministic kernels; on a GPU also without autotuned convolutions",
        paper="not stated",
        official="false: cudnn.deterministic=False, benchmark=True in src/modules.py",
        reproduction="true: cudnn.deterministic=True, benchmark=False",
    )
    optimiser: Literal["adam", "adamw", "sgd"] = key(
        "adam",
        "adam adds weight decay to the gradient (L2); adamw decays weights apart; sgd is plain",
        paper="not stated",
        official="adam",
        reproduction="adam",
    )
    lr: float = key(
        1e-5,
        "learning rate",
        paper="not stated",
        official="1e-5 in the scripts; the flag's default is 0.05",
        reproduction="1e-5; other jobs use 1.97e-6, 3.76e-6 and 1.49e-5",
    )
    betas: tuple[float, float] = key(
        (0.1, 0.1),
        "decay rates of Adam's moments",
        paper="not stated",
        official="(0.1, 0.1)",
        reproduction="(0.1, 0.1)",
    )
    eps: float = key(1e-6, "Adam's ε", paper="not stated", official="1e-6", reproduction="1e-6")
    weight_decay: float = key(
        6e-5, "weight decay", paper="not stated", official="6e-5", reproduction="6e-5"
    )
    epochs: int = key(
        10, "passes over the training set", paper="not stated", official="10", reproduction="10"
    )
    batch_size: int = key(
        32,
        "pairs a step; the last, smaller batch of an epoch is kept",
        paper="not stated",
        official="32",
        reproduction="32",
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

    def keys(self, trains: bool) -> dict[str, Any]:
        """Return the keys that can move a number of a run, with their values.

        A run that does not train depends on `EVALUATION_KEYS` alone.
        """
        return self.model_dump(mode="json", include=None if trains else set(EVALUATION_KEYS))

    def identity(self, trains: bool) -> dict[str, Any]:
        """Return those of `keys` that differ from their default."""
        changed = self.model_dump(mode="json", exclude_defaults=True)
        return {name: value for name, value in self.keys(trains).items() if name in changed}


EVALUATION_KEYS = frozenset({"resize", "note_characters", "long_notes", "precision", "mode"})
"""The keys on which the scores of given weights depend."""

PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "official": (
        "the code released with FairCLIP",
        {
            "long_notes": "error",
            "precision": "fp16-weights",
            "trained": "encoders",
            "mode": "eval",
            "deterministic": False,
        },
    ),
    "reproduction": (
        "the refactored FairCLIP+ code of the reproducibility study",
        {"long_notes": "error"},
    ),
    "paper": (
        "the text of the CVPR paper; where it is silent, as the reproduction",
        {"note_characters": None},
    ),
    "tiny": (
        "the reproduction's keys with the step size that the shipped tiny CLIP needs",
        {"long_notes": "error", "lr": 1e-4},
    ),
}
"""Preset → (what it follows, the keys that differ from the defaults)."""


def protocol_preset(name: str) -> Protocol:
    """Return the preset of that name."""
    if name not in PRESETS:
        raise unknown_name("protocol", name, PRESETS)
    return Protocol(**PRESETS[name][1])
