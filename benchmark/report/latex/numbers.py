"""Numbers in a column, aligned at the decimal point without a package.

Digits of LaTeX's fonts are equally wide, so a blank digit fills the place of a missing one.
Works for several numbers in a cell, such as `+0.10 [-0.20, +0.40] (3)`: each is aligned with
those above and below it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report.latex.characters import escape

_NUMBER = re.compile(r"(?P<sign>(?<![\w.])[+\-−±]|[<>≤≥] ?)?(?P<whole>\d+)(?P<fraction>\.\d+)?")


@dataclass(frozen=True)
class _Slot:
    """A number of a cell, and the text before it, by which it finds those above and below."""

    before: str
    sign: str = ""
    whole: str = ""
    fraction: str = ""

    def widest(self, other: _Slot) -> _Slot:
        """Return the longer of each part."""
        return _Slot(
            self.before,
            max(self.sign, other.sign, key=len),
            max(self.whole, other.whole, key=len),
            max(self.fraction, other.fraction, key=len),
        )

    def latex(self, room: _Slot) -> str:
        """Return the slot in a room as wide as the widest of its column."""
        missing = len(room.fraction) - len(self.fraction)
        return (
            _spaced(self.before)
            + ("" if self.sign else _phantom("−" + room.sign[1:] if room.sign else ""))
            + _phantom("0" * (len(room.whole) - len(self.whole)))
            + escape(self.sign + self.whole + self.fraction)
            + _phantom(room.fraction[-missing:] if missing else "")
        )


def aligned(texts: Sequence[str]) -> list[str]:
    """Return a column's cells as LaTeX, all of one width; one without a number is centred.

    Cells that are not made of the same parts are left as they are.
    """
    split = [_slots(text) for text in texts]
    longest = max((slots for slots, _ in split), key=len, default=[])
    order = [slot.before for slot in longest]
    rooms: dict[str, _Slot] = {}
    for slots, tail in split:
        found = [slot.before for slot in slots]
        unlike = len(set(found)) < len(found) or found != [b for b in order if b in found]
        if unlike or (tail and found and found[-1] != order[-1]):
            return [escape(text) for text in texts]
        for slot in slots:
            rooms[slot.before] = slot.widest(rooms.get(slot.before, slot))
    longest_tail = max((tail for slots, tail in split if slots), key=len, default="")
    cells = []
    for text, (slots, tail) in zip(texts, split, strict=True):
        held = {slot.before: slot.latex(rooms[slot.before]) for slot in slots}
        blank = (f"\\phantom{{{rooms[b].latex(rooms[b])}}}" for b in order)
        parts = [held.get(b, other) for b, other in zip(order, blank, strict=True)]
        rest = _phantom(longest_tail[len(tail) :])
        cells.append("".join([*parts, _spaced(tail), rest]) if slots else escape(text))
    return cells


def _slots(text: str) -> tuple[list[_Slot], str]:
    """Return the numbers of a cell in order, and the text after the last."""
    slots, end = [], 0
    for match in _NUMBER.finditer(text):
        groups = (match[name] or "" for name in ("sign", "whole", "fraction"))
        slots.append(_Slot(text[end : match.start()], *groups))
        end = match.end()
    return slots, text[end:]


def _phantom(text: str) -> str:
    return f"\\phantom{{{_spaced(text)}}}" if text else ""


def _spaced(text: str) -> str:
    """Return text between numbers, where a space never ends a line."""
    head, tail = (" " if t != text else "" for t in (text.lstrip(), text.rstrip()))
    return ("~" if head else "") + escape(text) + ("~" if tail and text.strip() else "")
