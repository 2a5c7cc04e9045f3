"""The YAML file that says what the columns of a table mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from benchmark.config import first_problem
from benchmark.data.column_specs import AttributeSpec, Column, LabelSpec, Part, SplitSpec, TextSpec
from benchmark.data.config import DATASETS
from benchmark.errors import FairbenchError
from benchmark.yaml_io import read_yaml


class TableSpec(Part):
    """A dataset as one table of images."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")
    """The dataset's name in tables and sample ids."""

    table: str = Field(min_length=1)
    """The table, `.csv` (UTF-8, commas) or `.parquet`, in the folder of the YAML file."""

    image: Column
    """The column of image paths, relative to the folder of the YAML file."""

    label: LabelSpec
    """The label and its classes."""

    split: SplitSpec
    """Training, validation and test."""

    attributes: dict[Annotated[str, Field(pattern=r"^\w[\w-]*$")], AttributeSpec] = Field(
        min_length=1
    )
    """Attribute name → its groups."""

    text: TextSpec | None = None
    """The text of each pair; without it only `text_source=label` works."""

    patient: Column | None = None
    """The column that says whose image it is: no patient is in two splits."""

    shared_images: Literal["error", "allow"] = "error"
    """Whether images of equal content may be in two splits."""

    @field_validator("name")
    @classmethod
    def _not_another_datasets(cls, name: str) -> str:
        if name in DATASETS:
            raise ValueError(f"is '{name}', the name of a dataset that fairbench reads itself")
        return name

    def named_columns(self) -> list[tuple[str, str]]:
        """Return (key, column) pairs, for messages about a column that is missing."""
        pairs = [("image", self.image), ("label.column", self.label.column)]
        if self.split.column is not None:
            pairs.append(("split.column", self.split.column))
        if self.patient is not None:
            pairs.append(("patient", self.patient))
        pairs += [
            (f"attributes.{name}.column", attribute.column or name)
            for name, attribute in self.attributes.items()
        ]
        if self.text is not None:
            pairs += [("text", column) for column in self.text.columns]
        return pairs


def find_spec(path: Path) -> Path:
    """Return the YAML file that a path means: the file itself, or the only one of a folder.

    Raises:
        FairbenchError: there is none, or more than one.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise FairbenchError(f"{path}: no such file or folder; give a dataset's YAML file")
    found = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(p.name for p in found)
    raise FairbenchError(
        f"{path}: holds {len(found)} YAML files ({names}); give the path of one of them"
        if found
        else f"{path}: holds no YAML file that describes a table; see docs/datasets.md"
    )


def load_spec(path: Path) -> TableSpec:
    """Return what a YAML file says.

    Raises:
        FairbenchError: not YAML, or a key that is not right; the message names file and key.
    """
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise FairbenchError(f"{path}: a table is described by keys: name, table, image, label, …")
    try:
        return TableSpec.model_validate(value)
    except ValidationError as error:
        raise FairbenchError(f"{path}: {first_problem(error)}") from None
