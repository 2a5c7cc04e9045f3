"""Errors that a user can act on: one line, exit code 2, no traceback."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FairbenchError(Exception):
    """Bad input. The message names the file or field, the value received and the way out."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> FairbenchError:
    """Return the error for a name that is in no registry: a guess first, then all known names."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    return FairbenchError(f"unknown {kind} '{name}'.{guess} Known: {', '.join(names)}")
