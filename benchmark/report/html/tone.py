"""How a verdict is dressed: never by colour alone, since its word always stands there."""

from __future__ import annotations

from benchmark.claims.outcome import Status
from benchmark.stats.verdict import Verdict

_TONES = {
    str(name): str(name).replace(",", "").replace(" ", "-")
    for name in (
        Verdict.BETTER,
        Verdict.WORSE,
        Status.SUPPORTED,
        Status.REFUTED,
        Verdict.BETTER_NEGLIGIBLE,
        Verdict.WORSE_NEGLIGIBLE,
        Verdict.EQUIVALENT,
        Verdict.UNDECIDED,
        Verdict.NOT_ESTIMABLE,
        Status.NOT_TESTED,
    )
}
"""Verdict → class of its style, in the order in which many answers are listed."""


def tone(text: str) -> str:
    """Return the style class of a verdict; "other" of what is none.

    A table adds signs of footnotes to its verdicts: `undecided ‡`.
    """
    found = [name for name in _TONES if text == name or text.startswith((f"{name} ", f"{name}, "))]
    return _TONES[max(found, key=len)] if found else "other"


def rank(verdict: str) -> int:
    """Return where a verdict stands among answers: decided ones first."""
    names = list(_TONES.values())
    return names.index(tone(verdict)) if tone(verdict) in names else len(names)
