"""Clinical notes: which file holds them, and its rows.

No message of this module contains note text: only file names, column names and row numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import FairbenchError

ORIGINAL = "original"
_ORIGINAL_FILE = "original_notes.csv"
_SUMMARIES = "_summarized_notes.csv"

FILE_NAME = re.compile(r"[\w.-]+\.npz")
"""What a sample's file name looks like; text that matches cannot be a note."""
_PLAIN_NAME = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True)
class NoteTable:
    """The rows of one notes file.

    Attributes:
        path: The CSV file.
        texts: File name → note, stripped; the first of several rows.
        duplicates: File names with more than one row, in order of appearance.
    """

    path: Path
    texts: Mapping[str, str]
    duplicates: tuple[str, ...]

    def missing(self, files: Sequence[str]) -> list[str]:
        """Return the files that have no note, or an empty one."""
        return [file for file in files if not self.texts.get(file)]

    def select(self, files: Sequence[str]) -> tuple[str, ...]:
        """Return one note for each file.

        Raises:
            FairbenchError: a file has no note, or more than one.
        """
        if missing := self.missing(files):
            raise FairbenchError(
                f"{self.path}: no note for {some_of(missing)} of {len(files)}; choose other notes"
                " (`notes`) or complete the file"
            )
        wanted = set(files)
        if twice := [file for file in self.duplicates if file in wanted]:
            raise FairbenchError(
                f"{self.path}: more than one row for {some_of(twice)}; keep one row for each file"
            )
        return tuple(self.texts[file] for file in files)


def some_of(files: Sequence[str], shown: int = 3) -> str:
    """Return a count and the first few names, for a message: `5 files (a, b, c, …)`."""
    names = ", ".join(files[:shown]) + (", …" if len(files) > shown else "")
    return f"{len(files)} {'file' if len(files) == 1 else 'files'} ({names})"


def find_notes(root: Path, notes: str) -> Path:
    """Return the CSV file that an option names.

    Args:
        root: The dataset folder.
        notes: `original` (`original_notes.csv`), a summariser (`gpt-4`, `pmc-llama`, `med42`, …),
            whose file is `<name>_summarized_notes.csv`, or the path of a CSV file. Capitals,
            hyphens and underscores of a name do not matter: the release has `gpt-4_…`, the
            public scripts ask for `gpt4_…`.

    Raises:
        FairbenchError: there is no such file, or two that fit; the message lists what there is.
    """
    if notes.endswith(".csv"):
        for path in (Path(notes).expanduser(), root / notes):
            if path.is_file():
                return path
    held: dict[str, list[Path]] = {}
    for path in sorted(root.glob("*.csv")):
        if path.name == _ORIGINAL_FILE:
            held[ORIGINAL] = [path]
        elif path.name.endswith(_SUMMARIES):
            held.setdefault(_letters(path.name.removesuffix(_SUMMARIES)), []).append(path)
    found = held.get(_letters(notes), [])
    if not found:
        names = [
            path.name.removesuffix(_SUMMARIES) if name != ORIGINAL else ORIGINAL
            for name, paths in held.items()
            for path in paths
        ]
        options = ", ".join(names) or f"no *{_SUMMARIES} and no {_ORIGINAL_FILE}"
        wanted = "" if notes.endswith(".csv") else f" ({notes}{_SUMMARIES} is missing)"
        raise FairbenchError(
            f"{root}: unknown notes '{notes}'{wanted}; the folder holds: {options}."
            " The path of a CSV file works too"
        )
    if len(found) > 1 and not found[0].samefile(found[1]):
        raise FairbenchError(
            f"{root}: notes '{notes}' could be {found[0].name} or {found[1].name};"
            " give the path of one of them"
        )
    return found[0]


def _letters(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())


def read_notes(path: Path) -> NoteTable:
    """Read a notes file: the file name is column 0, the text column 2, as in the public code.

    In `original_notes.csv` the text is the column named `note`, or column 1.

    Raises:
        FairbenchError: the file cannot be read, has no header, or its columns are not where
            they must be.
    """
    texts: dict[str, str] = {}
    duplicates: dict[str, None] = {}
    number = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            column = _text_column(path, header)
            for number, row in enumerate(rows, start=2):
                if not row:
                    continue
                name = row[0].strip()
                if not FILE_NAME.fullmatch(name):
                    raise _misplaced_names(path, header, row, number)
                if len(row) <= column:
                    raise FairbenchError(
                        f"{path}: row {number} has {len(row)} columns; the note is column {column}"
                    )
                if name in texts:
                    duplicates[name] = None
                else:
                    texts[name] = row[column].strip()
    except OSError as error:
        raise FairbenchError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise FairbenchError(f"{path}: not UTF-8 text after row {number}; convert it") from None
    except csv.Error:
        raise FairbenchError(
            f"{path}: not a valid CSV file after row {number}; is a quotation mark left open?"
        ) from None
    return NoteTable(path, texts, tuple(duplicates))


def _text_column(path: Path, header: Sequence[str]) -> int:
    names = [name.strip().lower() for name in header]
    if any(FILE_NAME.fullmatch(name) for name in names):
        raise FairbenchError(f"{path}: row 1 is data; the file must begin with a header")
    if path.name == _ORIGINAL_FILE:
        column = names.index("note") if "note" in names[1:] else 1
    else:
        column = 2
        named = [position for position, name in enumerate(names) if "summary" in name]
        if named and column not in named:
            raise FairbenchError(
                f"{path}: the header names {_column(header, named[0])}, but column 2 is read as"
                f" the summary and is {_column(header, column)}; reorder the columns"
            )
    if len(header) <= column:
        raise FairbenchError(
            f"{path}: {len(header)} columns; expected the file name in column 0 and the note in"
            f" column {column} (counted from 0)"
        )
    return column


def _misplaced_names(
    path: Path, header: Sequence[str], row: Sequence[str], number: int
) -> FairbenchError:
    holders = [i for i, cell in enumerate(row) if FILE_NAME.fullmatch(cell.strip())]
    where = f"; {_column(header, holders[0])} does: the columns are swapped" if holders else ""
    return FairbenchError(
        f"{path}: {_column(header, 0)} holds no .npz file name in row {number}{where}"
    )


def _column(header: Sequence[str], position: int) -> str:
    # A header that looks like prose may be a note that lost its header: not printed.
    name = header[position].strip() if position < len(header) else ""
    return f"column {position}" + (f" ('{name}')" if _PLAIN_NAME.fullmatch(name) else "")
