"""Variants by name: files in `variants/`, entry points of other packages, or a path.

A variant is a module with a constant `VARIANT`, an `Objective`. Its name is the file's name
with hyphens, or the entry point's; the first line of its docstring is its summary.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import variants
from benchmark.errors import FairbenchError, unknown_name
from variants.objective import Objective

ENTRY_POINT_GROUP = "fairbench.variants"


@dataclass(frozen=True)
class Variant:
    """A named objective and where it comes from.

    Attributes:
        name: As on the command line.
        objective: The keys at the variant's values.
        doc: The module's docstring.
        origin: `built-in`, the entry point's module, or the file given.
        source_hash: SHA-256 of the file of a variant from outside; empty for built-in ones,
            whose changes are covered by the `numerics` number of run identities.
    """

    name: str
    objective: Objective
    doc: str
    origin: str
    source_hash: str = ""

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.strip().splitlines()[0] if self.doc.strip() else ""


@cache
def known_variants() -> dict[str, Variant]:
    """Return built-in variants and those of installed entry points, by name.

    Raises:
        FairbenchError: two packages offer one name, or an entry point cannot be imported.
    """
    found: dict[str, Variant] = {}
    for path in sorted(Path(variants.__path__[0]).glob("*.py")):
        # What variants share is not imported here: it needs torch, and a list of names does not.
        if re.search(r"^VARIANT\b", path.read_text(encoding="utf-8"), re.MULTILINE):
            name = path.stem.replace("_", "-")
            found[name] = _variant(name, import_module(f"variants.{path.stem}"), "built-in")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in found:
            raise FairbenchError(
                f"variant '{point.name}' of {point.value} is already offered by "
                f"{found[point.name].origin}; rename the entry point or uninstall one package"
            )
        found[point.name] = _from_entry_point(point)
    return found


def find_variant(name: str) -> Variant:
    """Return the variant of that name, or the one in the file of that path (`*.py`)."""
    if name.endswith(".py"):
        return _from_file(Path(name))
    known = known_variants()
    if name not in known:
        raise unknown_name("variant", name, known)
    return known[name]


def variant_file(source_hash: str) -> Path | None:
    """Return the file that a variant was loaded from in this process; None if from no file."""
    module = sys.modules.get(_module_name(source_hash))
    return None if module is None or module.__file__ is None else Path(module.__file__).resolve()


def _module_name(source_hash: str) -> str:
    return f"fairbench_variant_{source_hash[:12]}"


def _from_entry_point(point: EntryPoint) -> Variant:
    """Return the variant of an entry point `package.module` or `package.module:CONSTANT`."""
    try:
        module = import_module(point.module)
    except Exception as error:
        raise FairbenchError(
            f"variant '{point.name}': entry point {point.value} cannot be imported "
            f"({_reason(error)})"
        ) from error
    return _variant(point.name, module, point.module, point.attr or "VARIANT", external=True)


def _from_file(path: Path) -> Variant:
    if not path.is_file():
        raise FairbenchError(f"{path}: no such variant file")
    name = path.stem.replace("_", "-")
    if name in known_variants():
        raise FairbenchError(
            f"{path}: '{name}' is the name of a known variant; rename the file, so that the "
            "two can be told apart in a table"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    module_name = _module_name(digest)
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise FairbenchError(f"{path}: is not a Python file that can be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic resolves annotations through it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise FairbenchError(f"{path}: fails to import ({_reason(error)})") from error
    return _variant(name, module, str(path), external=True)


def _reason(error: Exception) -> str:
    """Return type and message on one line; pydantic's messages have several."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _variant(
    name: str,
    module: ModuleType,
    origin: str,
    constant: str = "VARIANT",
    *,
    external: bool = False,
) -> Variant:
    objective = getattr(module, constant, None)
    if not isinstance(objective, Objective):
        raise FairbenchError(
            f"{origin}: needs a constant {constant} that is an Objective, "
            f"got {type(objective).__name__}; see variants/clip_ft.py"
        )
    source = ""
    if external and module.__file__ is not None:
        source = hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()
    return Variant(name, objective, module.__doc__ or "", origin, source)
