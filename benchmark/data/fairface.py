"""Reads a folder in the layout of FairFace: train/, val/ and a label table for each.

The published validation set has the test's role here, as in the reproduction. Validation, which
the reproduction has not, is drawn from the training table by a seed. `train_limit` keeps the
first rows of that table; the validation images then come from the rows after them, so that the
training set is the reproduction's.

Source: Kärkkäinen & Joo, "FairFace", WACV 2021, for the layout; caption, prompts and the 10,000
images from the dataset class of the reproduction (`FairCLIP/src/modules.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.cache import cache_root, writable
from benchmark.data.column_specs import AttributeSpec, ClassSpec, LabelSpec, TextSpec
from benchmark.data.dataset import Schema, SplitName, TextSource
from benchmark.data.fairvlmed import shared_between_splits
from benchmark.data.image_source import ImageSource, Listed, image_source
from benchmark.data.notes import some_of
from benchmark.data.parallel import Progress
from benchmark.data.table_file import Columns, read_columns
from benchmark.data.table_rows import interpret
from benchmark.data.table_splits import empty_classes, rank
from benchmark.data.table_texts import texts_of
from benchmark.errors import FairbenchError

TRAIN_TABLE, TEST_TABLE = "fairface_label_train.csv", "fairface_label_val.csv"
SYNTHETIC_MARK = "synthetic.json"
AGES = (
    *("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69"),
    "more than 70",
)
RACES = (
    *("East Asian", "Indian", "Black", "White", "Middle Eastern", "Southeast Asian"),
    "Latino_Hispanic",
)
CAPTION = "Image of a person that is {age} years old, and their race is: {race}They are {gender}"
"""As the reproduction writes it: no blank and no full stop after the race."""

LABEL = LabelSpec(
    column="gender",
    classes=(
        ClassSpec(name="female", prompt="A picture of a female person", values=("Female",)),
        ClassSpec(name="male", prompt="A picture of a male person", values=("Male",)),
    ),
)
ATTRIBUTES = {
    "race": AttributeSpec(groups={race: (race,) for race in RACES}),
    "age": AttributeSpec(groups={age: (age,) for age in AGES}),
}
_COLUMNS = [(column, column) for column in ("file", "age", "gender", "race")]


@dataclass(frozen=True)
class FairFaceTables:
    """The label tables of a folder, read.

    Attributes:
        schema: The names behind the codes; `synthetic-fairface` where fairbench drew the faces.
        listed: Split → its samples.
        problems: Why the folder cannot be used, one line each.
    """

    schema: Schema
    listed: Mapping[SplitName, Listed]
    problems: list[str]


def read_fairface(
    root: Path,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    text_source: TextSource = "note",
    *,
    train_limit: int | None = None,
    val_fraction: float = 0.1,
    val_seed: int = 0,
) -> ImageSource:
    """Read a folder in the layout of FairFace.

    Args:
        root: The folder that holds train, val and the two tables.
        cache_dir: The cache folder; None is `benchmark.data.cache.cache_root`.
        progress: Told about each image that is read for the first time.
        text_source: `note` is the reproduction's caption, `label` the label's prompt.
        train_limit: Train on the first rows of the training table; None takes all that are not
            drawn for validation.
        val_fraction: Validation images, as a fraction of `train_limit` or of the whole table.
        val_seed: Draws them.

    Raises:
        FairbenchError: the first thing that is wrong; `fairbench data check` lists all.
    """
    tables = load_fairface(root, text_source, train_limit, val_fraction, val_seed)
    if tables.problems:
        raise FairbenchError(tables.problems[0])
    return image_source(
        Path(root),
        tables.schema,
        tables.listed,
        cache_root() if cache_dir is None else writable(cache_dir),
        progress,
        colour=True,
    )


def load_fairface(
    root: Path,
    text_source: TextSource = "note",
    train_limit: int | None = None,
    val_fraction: float = 0.1,
    val_seed: int = 0,
) -> FairFaceTables:
    """Return what the label tables list, with all of their problems; no image is opened.

    Arguments as in `read_fairface`.

    Raises:
        FairbenchError: a table cannot be read, or no image is left for validation.
    """
    root = Path(root)
    training = _columns(root, TRAIN_TABLE)
    train, val = _drawn(training, train_limit, val_fraction, val_seed)
    problems: list[str] = []
    listed: dict[SplitName, Listed] = {
        "train": _listed(root, training.take(train), text_source, problems),
        "val": _listed(root, training.take(val), text_source, problems),
        "test": _listed(root, _columns(root, TEST_TABLE), text_source, problems),
    }
    if not problems:
        splits = [split for split, part in listed.items() for _ in part.files]
        labels = [label for part in listed.values() for label in part.label]
        problems += [f"{root}: {line}" for line in empty_classes(LABEL.classes, splits, labels)]
        files = {split: part.files for split, part in listed.items()}
        for (a, b), names in shared_between_splits(files).items():
            problems.append(f"{root}: {a} and {b} share {some_of(names)}; an image has one split")
    return FairFaceTables(schema_of(root), listed, problems)


def schema_of(root: Path) -> Schema:
    """Return the schema; a folder that `fairbench data synthesize` wrote has its own name."""
    synthetic = (root / SYNTHETIC_MARK).is_file()
    return Schema(
        name="synthetic-fairface" if synthetic else "fairface",
        classes=tuple(entry.name for entry in LABEL.classes),
        prompts=tuple(entry.prompt for entry in LABEL.classes),
        attributes={name: part.group_names for name, part in ATTRIBUTES.items()},
    )


def _columns(root: Path, name: str) -> Columns:
    if not (root / name).is_file():
        raise FairbenchError(
            f"{root}: {name} is missing; a FairFace folder holds train/, val/, {TRAIN_TABLE} and"
            f" {TEST_TABLE}"
        )
    return read_columns(root / name, _COLUMNS)


def _drawn(
    table: Columns, limit: int | None, fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Return the rows for training and those for validation, both in the table's order."""
    total = len(table)
    first = total if limit is None else min(limit, total)
    count = round(fraction * first)
    pool = range(total) if limit is None else range(first, total)
    if not 0 < count < first or count > len(pool):
        raise FairbenchError(
            f"{table.path}: {total} rows leave {len(pool)} for {count} validation images; change"
            " train_limit or val_fraction"
        )
    files = table.cells["file"]
    val = sorted(sorted(pool, key=lambda i: rank(seed, files[i].strip()))[:count])
    held = set(val)
    return [i for i in range(first) if i not in held], val


def _listed(root: Path, table: Columns, text_source: TextSource, problems: list[str]) -> Listed:
    rows = interpret(table, root, image="file", label=LABEL, attributes=ATTRIBUTES)
    problems += rows.problems
    if text_source == "label":
        texts = [LABEL.classes[label].prompt for label in rows.label]
    else:
        texts, problem = texts_of(table, TextSpec(template=CAPTION), rows.index)
        problems += [problem] if problem else []
        texts = texts or [""] * len(rows.index)
    return Listed(rows.files, rows.label, rows.codes, texts)
