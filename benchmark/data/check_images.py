"""The part of a check that formats of separate image files share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchmark.data.check_report import CheckReport
from benchmark.data.dataset import SPLITS, Schema, SplitName
from benchmark.data.image_file import ImageFileError, read_header, read_image
from benchmark.data.image_source import Listed
from benchmark.data.notes import some_of
from benchmark.data.parallel import Progress, map_in_order

_MOST_IMAGES = 20
"""Bad images that are reported one by one."""


def check_images(
    report: CheckReport,
    root: Path,
    schema: Schema,
    listed: Mapping[SplitName, Listed],
    progress: Progress | None,
    *,
    shared: Literal["problem", "warning"],
) -> None:
    """Decode every image and add counts, problems and warnings to a report.

    Args:
        report: Gets what is found.
        root: The folder of the images.
        schema: The names behind the codes.
        listed: Split → its samples.
        progress: Told about each image.
        shared: What an image is that two splits hold.
    """
    report.schema = schema
    found: dict[str, tuple[SplitName, str]] = {}
    repeats: list[str] = []
    bad: list[str] = []
    for split in SPLITS:
        part = listed[split]
        report.count(schema, split, part)
        paths = [root / file for file in part.files]
        results = map_in_order(_decode, paths, f"checking {split}", progress)
        for file, result in zip(part.files, results, strict=True):
            if isinstance(result, ImageFileError):
                bad.append(str(result))
                continue
            other, first = found.setdefault(result, (split, file))
            if other != split:
                repeats.append(f"{file} is {first}")
    report.problems.extend(bad[:_MOST_IMAGES])
    if len(bad) > _MOST_IMAGES:
        report.problems.append(f"{len(bad) - _MOST_IMAGES} more images cannot be used")
    if repeats:
        line = f"two splits hold the same image: {some_of(repeats)}"
        (report.problems if shared == "problem" else report.warnings).append(line)


def _decode(path: Path) -> str | ImageFileError:
    """Return the hash of an image that can be decoded, or what is wrong with it."""
    try:
        header = read_header(path)
        read_image(path, header.grey)
    except ImageFileError as error:
        return error
    return header.sha256
