"""Clinical notes and their summaries, made from templates. No text comes from a patient.

A summary says what the examination found with varying certainty: plainly, hedged, not at all,
or wrongly. So text is a noisy signal of the label, and how noisy is a knob.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from benchmark.data.synthetic import phrases
from benchmark.data.synthetic.clinical import Findings

Statement = Literal["plain", "hedged", "silent", "wrong"]

_NOT_PLAIN: Mapping[Statement, float] = {"hedged": 0.55, "silent": 0.30, "wrong": 0.15}
"""How summaries that do not state the finding plainly divide."""
_HEDGED_RIGHT = 0.7
"""How often a hedged statement leans towards the right finding."""
_CUP_MENTIONED: Mapping[Statement, float] = {"plain": 0.4, "hedged": 0.25, "silent": 0, "wrong": 0}
"""How often a summary describes the cup. What it says about the cup is always right."""

NOTE_WORDS = (11, 332)
"""Fewest and most words of a note (Luo et al., CVPR 2024, section 3.3)."""
_MEAN_WORDS, _SD_WORDS = 150.0, 62.0
SUMMARY_CHARACTERS = 180
"""What the public code reads of a summary; none is longer."""


def draw_statement(note_quality: float, generator: np.random.Generator) -> Statement:
    """Return how a text treats the finding; `note_quality` is the probability of plain."""
    plain = generator.random() < note_quality
    kinds = list(_NOT_PLAIN)
    other = kinds[int(generator.choice(len(kinds), p=list(_NOT_PLAIN.values())))]
    return "plain" if plain else other


def facts_of(age: float, groups: Mapping[str, str], findings: Findings) -> dict[str, str]:
    """Return what the slots of the templates say about one patient."""
    female = groups["gender"] == "female"
    language = groups["language"].capitalize()
    return {
        "age": str(round(age)),
        "sex": "woman" if female else "man",
        "they": "she" if female else "he",
        "They": "She" if female else "He",
        "their": "her" if female else "his",
        "Their": "Her" if female else "His",
        "race": groups["race"].capitalize(),
        "language": language if language in ("English", "Spanish") else "another language",
        "cdr": f"{findings.cup_to_disc:.1f}",
        "iop": str(findings.pressure),
        "md": f"{findings.md:.2f}",
        "acuity": str(20 + 5 * (findings.pressure % 5)),
        "cct": str(500 + 11 * (findings.pressure % 9)),
    }


def write_summary(
    statement: Statement,
    findings: Findings,
    facts: Mapping[str, str],
    generator: np.random.Generator,
) -> str:
    """Return sentences of at most 180 characters; one of them is the statement of the finding."""
    main = [_fill(_statement(statement, findings.glaucoma, generator), facts, generator)]
    if generator.random() < _CUP_MENTIONED[statement]:
        main.append(_fill(_pick(_cups(findings.cup_to_disc), generator), facts, generator))
    if generator.random() < 0.3:
        main.insert(0, _fill(_pick(phrases.SILENT, generator), facts, generator))
    room = int(generator.integers(40, SUMMARY_CHARACTERS + 1))
    for at in generator.permutation(len(phrases.ASIDES))[:6]:
        aside = _fill(phrases.ASIDES[at], facts, generator)
        if len(" ".join([*main, aside])) <= room:
            main.append(aside)
    return " ".join(main)


def write_note(
    statement: Statement,
    findings: Findings,
    facts: Mapping[str, str],
    generator: np.random.Generator,
) -> str:
    """Return a note of 11 to 332 words: opening, history, examination, assessment, plan."""
    low, high = NOTE_WORDS
    room = np.clip(generator.normal(_MEAN_WORDS, _SD_WORDS), low, high)
    opening = _pick(phrases.OPENINGS, generator)
    assessment = "Assessment: " + _statement(statement, findings.glaucoma, generator)
    templates = [opening, *phrases.HISTORY, *phrases.EXAMINATION, assessment, *phrases.PLAN]
    sentences = [_fill(template, facts, generator) for template in templates]
    # The opening always stands, then the assessment if it fits, then whatever fits.
    first = [0, templates.index(assessment)]
    kept: set[int] = set()
    words = 0
    for at in [*first, *generator.permutation(len(sentences))]:
        length = len(sentences[at].split())
        if at not in kept and (at == 0 or words + length <= room):
            kept.add(int(at))
            words += length
    return " ".join(sentences[at] for at in sorted(kept))


def _statement(statement: Statement, label: int, generator: np.random.Generator) -> str:
    """Return a template for a statement about a sample of class `label`."""
    if statement == "silent":
        return _pick(phrases.SILENT, generator)
    if statement == "hedged":
        leans = label if generator.random() < _HEDGED_RIGHT else 1 - label
        return _pick(phrases.HEDGED[leans], generator)
    return _pick(phrases.PLAIN[label if statement == "plain" else 1 - label], generator)


def _cups(cup_to_disc: float) -> Sequence[str]:
    """Return the templates that describe a cup of this size."""
    return next(texts for end, texts in phrases.CUPS if cup_to_disc < end)


def _pick(choices: Sequence[str], generator: np.random.Generator) -> str:
    return choices[int(generator.integers(len(choices)))]


def _fill(template: str, facts: Mapping[str, str], generator: np.random.Generator) -> str:
    """Return a sentence with every slot filled and its first letter in upper case."""

    def value(slot: re.Match[str]) -> str:
        name = slot[1]
        if name in facts:
            return facts[name]
        return re.sub(_SLOT, value, _pick(phrases.WORDS[name], generator))

    text = re.sub(_SLOT, value, template)
    return text[:1].upper() + text[1:]


_SLOT = re.compile(r"\{(\w+)\}")
