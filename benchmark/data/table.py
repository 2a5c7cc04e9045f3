"""Reads a dataset that is one table of images, described by a YAML file.

The YAML file (`benchmark.data.table_spec`) names the columns and says what their values mean;
docs/datasets.md has examples. All paths are relative to its folder and stay inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.cache import cache_root, writable
from benchmark.data.dataset import SPLITS, Schema, SplitName, TextSource
from benchmark.data.image_path import DataFolder
from benchmark.data.image_source import ImageSource, Listed, image_source
from benchmark.data.parallel import Progress
from benchmark.data.table_file import Columns, read_columns
from benchmark.data.table_rows import TableRows, interpret
from benchmark.data.table_spec import TableSpec, find_spec, load_spec
from benchmark.data.table_splits import empty_classes, split_rows
from benchmark.data.table_texts import texts_of
from benchmark.errors import FairbenchError


@dataclass(frozen=True)
class Table:
    """A table as its description reads it.

    Attributes:
        root: The folder of the YAML file.
        spec: The description.
        rows: What the rows mean; its problems are all that is wrong with the table.
        listed: Split → its samples; without texts where there are none.
    """

    root: Path
    spec: TableSpec
    rows: TableRows
    listed: Mapping[SplitName, Listed]

    @property
    def schema(self) -> Schema:
        """The names behind the codes."""
        return schema_of(self.spec)


def read_table(
    path: Path,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    text_source: TextSource = "note",
) -> ImageSource:
    """Read a dataset of one table.

    Args:
        path: The YAML file, or the folder that holds it and no other.
        cache_dir: The cache folder; None is `benchmark.data.cache.cache_root`.
        progress: Told about each image that is read for the first time.
        text_source: `label` takes the label's prompt as every sample's text.

    Raises:
        FairbenchError: the first thing that is wrong; `fairbench data check` lists all.
    """
    table = load_table(path, text_source)
    if table.rows.problems:
        raise FairbenchError(table.rows.problems[0])
    schema = table.schema
    source = image_source(
        table.root,
        schema,
        table.listed,
        cache_root() if cache_dir is None else writable(cache_dir),
        progress,
        colour=False,
        meaning=[schema.classes, list(schema.attributes.items())],
        prompts=schema.prompts,
    )
    if table.spec.shared_images == "error":
        _require_unshared(source)
    return source


def load_table(path: Path, text_source: TextSource = "note") -> Table:
    """Return a table with all of its problems; no image is opened.

    Raises:
        FairbenchError: the description or the file of the table cannot be read at all.
    """
    spec_path = find_spec(Path(path))
    root, spec = spec_path.parent, load_spec(spec_path)
    try:
        name = DataFolder(root).locate(spec.table)
    except ValueError as error:
        raise FairbenchError(f"{spec_path}: table '{spec.table}' {error}") from None
    columns = read_columns(root / name, spec.named_columns())
    rows = interpret(columns, root, image=spec.image, label=spec.label, attributes=spec.attributes)
    split = split_rows(columns, rows, spec.split, spec.patient)
    texts = _texts(columns, spec, rows, text_source)
    if not rows.problems:
        labels = dict(zip(rows.index, rows.label, strict=True))
        lines = empty_classes(spec.label.classes, split.values(), (labels[i] for i in split))
        rows.problems.extend(f"{columns.path}: {line}" for line in lines)
    everything = Listed(rows.files, rows.label, rows.codes, texts)
    listed = {
        name: everything.take([n for n, i in enumerate(rows.index) if split.get(i) == name])
        for name in SPLITS
    }
    return Table(root, spec, rows, listed)


def schema_of(spec: TableSpec) -> Schema:
    """Return the names behind the codes."""
    return Schema(
        name=spec.name,
        classes=tuple(entry.name for entry in spec.label.classes),
        prompts=tuple(entry.prompt for entry in spec.label.classes),
        attributes={name: part.group_names for name, part in spec.attributes.items()},
    )


def _texts(
    columns: Columns, spec: TableSpec, rows: TableRows, text_source: TextSource
) -> list[str]:
    if text_source == "label":
        return [spec.label.classes[label].prompt for label in rows.label]
    texts, problem = texts_of(columns, spec.text, rows.index)
    if not problem:
        return texts
    rows.problems.append(problem)
    return [""] * len(rows.index)


def _require_unshared(source: ImageSource) -> None:
    seen: dict[str, tuple[SplitName, str]] = {}
    for split in SPLITS:
        files = source.splits[split].files
        for file, image in zip(files, source.image_hashes[split], strict=True):
            other, name = seen.setdefault(image, (split, file))
            if other != split:
                raise FairbenchError(
                    f"{source.root}: {name} ({other}) and {file} ({split}) are the same image;"
                    " remove one, or write 'shared_images: allow' if they are meant to be"
                )
