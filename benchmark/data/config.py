"""Which data a run uses: the dataset's name, its folder, and its keys with their sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from benchmark.data.dataset import TextSource
from variants.objective import key

DATASETS: Mapping[str, str] = {
    "synthetic": "SLO-like fundus images and notes, generated; needs no download",
    "synthetic-fairface": "drawn faces in the layout of FairFace, generated; needs no download",
    "fairvlmed": "Harvard-FairVLMed (Luo et al., CVPR 2024); needs --data-dir",
    "fairface": "FairFace (Kärkkäinen & Joo, WACV 2021); needs --data-dir",
    "table": "a table of your own with image paths; --data-dir names its YAML file or folder",
}
GENERATED = ("synthetic", "synthetic-fairface")
"""The datasets that need no folder."""

_NOTED = {"synthetic", "fairvlmed"}
_FACES = {"synthetic-fairface", "fairface"}


class DatasetConfig(BaseModel):
    """Which data.

    All keys act on the dataset's fingerprint, and through it on the id of a run.

    Attributes:
        name: A key of `DATASETS`.
        data_dir: The folder, or a table's YAML file; None for a dataset that is generated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "synthetic"
    data_dir: Path | None = None
    notes: str = key(
        "gpt-4",
        "summariser (gpt-4, pmc-llama, med42, …), original, or a CSV file",
        paper="gpt-4 in all tables; Figure 3a compares original, PMC-LLaMA, MED42 and GPT-4",
        official="gpt-4_summarized_notes.csv",
        reproduction="gpt-4_summarized_notes.csv",
    )
    text_source: TextSource = key(
        "note",
        "the text of a pair: its own note (or caption), or the prompt of its label",
        paper="note",
        official="note in the scripts; `label` is a flag that the group batches do not follow",
        reproduction="note; for FairFace a caption made of age, race and gender",
    )
    train_limit: int | None = key(
        None,
        "FairFace: the first so many rows of the training table; null: all",
        reproduction="10000: `iloc[:10000]`; it also evaluates on 10,000 of 10,954 only",
    )
    val_fraction: float = key(
        0.1,
        "FairFace: validation images drawn from the training table, as a fraction",
        reproduction="none: the published validation set is validation and test",
    )
    val_seed: int = key(0, "FairFace: the seed that draws the validation images")
    train_share: dict[str, float] = key(
        {}, "share of training groups that is kept, such as {race/black: 0.25}; nested subsets"
    )

    def in_effect(self) -> dict[str, Any]:
        """Return name, folder and the keys that act on this dataset, as JSON values."""
        idle = {key for key in (*DATASET_KEYS, "notes") if self.name not in _users(key)}
        if not self.train_share:  # runs from before there was the key have none
            idle.add("train_share")
        return self.model_dump(mode="json", exclude=idle)

    @field_validator("notes", "text_source", "train_limit", "val_fraction", "val_seed")
    @classmethod
    def _has_an_effect(cls, value: Any, info: ValidationInfo) -> Any:
        field = info.field_name or ""
        if value == cls.model_fields[field].default:
            return value
        name = info.data.get("name")
        if name not in _users(field):
            raise ValueError(f"has no effect on dataset '{name}'; leave it out")
        if field == "text_source" and info.data.get("notes") != cls.model_fields["notes"].default:
            raise ValueError("is 'label', which reads no notes; leave out 'notes'")
        return value

    @field_validator("train_limit", "val_seed")
    @classmethod
    def _not_negative(cls, value: int | None, info: ValidationInfo) -> int | None:
        least = 1 if info.field_name == "train_limit" else 0
        if value is not None and value < least:
            raise ValueError(f"must be at least {least}, got {value}")
        return value

    @field_validator("val_fraction")
    @classmethod
    def _a_part(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError(f"must lie between 0 and 1, got {value}")
        return value

    @field_validator("train_share")
    @classmethod
    def _shares_of_one_attribute(cls, value: dict[str, float]) -> dict[str, float]:
        for group, share in value.items():
            attribute, slash, name = group.partition("/")
            if not (attribute and slash and name):
                raise ValueError(f"names '{group}'; expected attribute/group, such as race/black")
            if not 0 < share <= 1:
                raise ValueError(f"is {share:g} for '{group}'; expected more than 0, at most 1")
        attributes = sorted({group.partition("/")[0] for group in value})
        if len(attributes) > 1:
            raise ValueError(
                f"names groups of {' and '.join(attributes)}, which share samples; name groups of "
                "one attribute"
            )
        # A group that is kept whole is as one that is not named.
        return {group: share for group, share in sorted(value.items()) if share < 1}


DATASET_KEYS = ("text_source", "train_limit", "val_fraction", "val_seed", "train_share")
"""The keys that `--set` takes for the dataset; the notes have an option of their own."""


def _users(key: str) -> Collection[str]:
    """Return the datasets on which a key acts."""
    if key in ("text_source", "train_share"):
        return DATASETS
    return _NOTED if key == "notes" else _FACES
