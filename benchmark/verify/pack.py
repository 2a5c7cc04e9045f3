"""A folder of recorded numbers: JSON and NPZ files that are read whole and name what they lack.

NaN and infinities are the strings "nan", "inf" and "-inf" in JSON. Which cases there are, how
many, and of what size, is for the files to say.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from benchmark.errors import FairbenchError

SHIPPED = Path(__file__).parent / "pack_data"
"""The pack that comes with fairbench."""

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_UNREADABLE = (BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError)


class PackError(FairbenchError):
    """A pack that cannot be read; the message names file, case and field."""


@dataclass(frozen=True)
class Entry:
    """One JSON object of a pack, which knows where it stands.

    Attributes:
        where: File and case, for messages: `loss_official.json, case 4`.
        values: What the object holds.
    """

    where: str
    values: Mapping[str, Any]

    def __contains__(self, field: str) -> bool:
        return field in self.values

    def value(self, field: str) -> Any:
        """Return a field as it stands; a missing one raises `PackError`."""
        if field not in self.values:
            raise PackError(f"{self.where}: field '{field}' is missing; copy the file again")
        return self.values[field]

    def number(self, field: str) -> float:
        """Return a number; NaN and infinities may be written as strings."""
        return self._as_number(field, self.value(field))

    def numbers(self, field: str, length: int | None = None) -> list[float]:
        """Return a list of numbers, of this length if one is given."""
        values = self._list(field)
        if length is not None and len(values) != length:
            raise PackError(
                f"{self.where}: field '{field}' has {len(values)} numbers; expected {length}"
            )
        return [self._as_number(field, value) for value in values]

    def rows(self, field: str, length: int) -> list[list[float]]:
        """Return a list of so many lists of numbers."""
        values = self._list(field)
        if len(values) != length or not all(isinstance(value, list) for value in values):
            raise PackError(f"{self.where}: field '{field}' is not {length} lists of numbers")
        return [[self._as_number(field, value) for value in row] for row in values]

    def texts(self, field: str) -> list[str]:
        """Return a list of strings."""
        values = self._list(field)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(field, "a list of texts")
        return values

    def integer(self, field: str) -> int:
        """Return a whole number."""
        value = self.value(field)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(field, "a whole number")
        return value

    def text(self, field: str) -> str:
        """Return a string."""
        value = self.value(field)
        if not isinstance(value, str):
            raise self._wrong(field, "a text")
        return value

    def integers(self, field: str) -> list[int]:
        """Return a list of whole numbers."""
        values = self._list(field)
        if any(isinstance(value, bool) or not isinstance(value, int) for value in values):
            raise self._wrong(field, "a list of whole numbers")
        return values

    def entry(self, field: str) -> Entry:
        """Return the object under a field."""
        value = self.value(field)
        if not isinstance(value, dict):
            raise self._wrong(field, "an object")
        return Entry(f"{self.where}, {field}", value)

    def entries(self, field: str, label: str = "case") -> list[Entry]:
        """Return a list of objects, each named by its own field `label`."""
        found = []
        for position, value in enumerate(self._list(field)):
            if not isinstance(value, dict) or label not in value:
                raise PackError(
                    f"{self.where}: entry {position} of '{field}' is not an object with '{label}'"
                )
            found.append(Entry(f"{self.where}, {label} {value[label]}", value))
        return found

    def _list(self, field: str) -> list[Any]:
        value = self.value(field)
        if not isinstance(value, list):
            raise self._wrong(field, "a list")
        return value

    def _as_number(self, field: str, value: Any) -> float:
        if isinstance(value, str) and value in _NOT_FINITE:
            return _NOT_FINITE[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(field, "a number, or 'nan', 'inf', '-inf'")
        return float(value)

    def _wrong(self, field: str, expected: str) -> PackError:
        found = type(self.values[field]).__name__
        return PackError(f"{self.where}: field '{field}' is {found}; expected {expected}")


@dataclass(frozen=True)
class Arrays:
    """The arrays of one NPZ file.

    Attributes:
        file: Its name.
        arrays: Name → array.
    """

    file: str
    arrays: Mapping[str, NDArray[Any]]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def array(self, name: str, *shape: int | None) -> NDArray[Any]:
        """Return an array of this shape, None being any length; `PackError` if it is not so."""
        if name not in self.arrays:
            raise PackError(f"{self.file}: array '{name}' is missing; copy the file again")
        found = self.arrays[name]
        fits = len(found.shape) == len(shape) and all(
            want is None or want == have for want, have in zip(shape, found.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise PackError(
                f"{self.file}: array '{name}' has shape {found.shape}; expected ({wanted})"
            )
        return found


@dataclass(frozen=True)
class Pack:
    """A folder of recorded numbers."""

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise PackError(f"{self.root}: not a folder; --pack takes a folder of recorded numbers")

    def has(self, *names: str) -> bool:
        """Return whether the pack holds all these files or folders."""
        return all((self.root / name).exists() for name in names)

    def record(self, name: str) -> Entry:
        """Return a JSON file, read once."""
        if name not in self._records:
            self._records[name] = Entry(name, _read_json(self.root / name))
        return self._records[name]

    def arrays(self, name: str) -> Arrays:
        """Return an NPZ file, read once and whole, so that any damage shows."""
        if name not in self._arrays:
            self._arrays[name] = Arrays(name, _read_npz(self.root / name))
        return self._arrays[name]

    @cached_property
    def _records(self) -> dict[str, Entry]:
        return {}

    @cached_property
    def _arrays(self) -> dict[str, Arrays]:
        return {}


def by_case(entries: Iterable[Entry]) -> dict[int, Entry]:
    """Return entries by case number; a number that occurs twice raises `PackError`."""
    found: dict[int, Entry] = {}
    for entry in entries:
        case = entry.integer("case")
        if case in found:
            raise PackError(f"{entry.where}: the case occurs twice")
        found[case] = entry
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise PackError(f"{path}: truncated, damaged or not JSON; copy it again") from None
    if not isinstance(values, dict):
        raise PackError(f"{path}: holds no JSON object")
    return values


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    name = ""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, NpzFile):
            raise BadZipFile
        with archive:
            found = {}
            for name in archive.files:
                found[name] = archive[name]
            return found
    except _UNREADABLE as error:
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        at = f", array '{name}'" if name else ""
        raise PackError(
            f"{path}{at}: truncated, damaged or not an .npz file{reason}; copy it again"
        ) from None
