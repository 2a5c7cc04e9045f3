"""Cutting of notes and CLIP's token ids, exactly. No message holds the text of a note."""

from __future__ import annotations

import numpy as np
import open_clip
from numpy.typing import NDArray

from benchmark.data.fairvlmed import PROMPTS
from benchmark.data.note_tokens import tokenise, truncate_note
from benchmark.errors import FairbenchError
from benchmark.model import Tokenizer
from benchmark.verify.comparison import Comparison
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult

RECORD = "truncate.json"
FILES = (RECORD,)

_CONTEXT = 77


def check_notes(pack: Pack) -> list[CheckResult]:
    """Compare notes after the cut, and the tokens of what training sees; failures too."""
    record = pack.record(RECORD)
    characters = record.integer("max_length")
    cut, tokens = Comparison("note-truncation", 0.0), Comparison("note-tokens", 0.0)
    tokenizer = Tokenizer(open_clip.SimpleTokenizer(context_length=_CONTEXT), _CONTEXT)
    too_long = 0
    for entry in record.entries("strings", label="name"):
        text, stripped = entry.text("input"), entry.text("input").strip()
        ours, seen = truncate_note(text, characters), truncate_note(stripped, characters)
        cut.same(f"{entry.where}, output", ours, entry.text("output"))
        cut.same(f"{entry.where}, output_length", len(ours), entry.integer("output_length"))
        after = entry.text("output_after_strip_first")
        cut.same(f"{entry.where}, output_after_strip_first", seen, after)
        too_long += _compare_tokens(tokens, entry, stripped, characters, tokenizer)
    tokens.notes.append(f"{too_long} notes have too many tokens, there and here")
    prompts = record.entry("class_prompt_tokens")
    tokens.same(f"{prompts.where}: the prompts", PROMPTS, tuple(prompts.values))
    for prompt in prompts.values:
        (ids,) = tokenizer([prompt])
        tokens.same(f"{prompts.where}, {prompt}", _used(ids), prompts.integers(prompt))
    return [cut.result(), tokens.result()]


def _compare_tokens(
    found: Comparison, entry: Entry, note: str, characters: int, tokenizer: Tokenizer
) -> bool:
    """Compare one note; return whether it has too many tokens, as recorded."""
    fails = "clip_tokenize_error" in entry
    try:
        (ids,), _ = tokenise(
            [entry.where], [note], tokenizer, characters=characters, long_notes="error"
        )
    except FairbenchError:
        found.same(f"{entry.where}: that it has too many tokens", True, fails)
        return fails
    used = _used(ids)
    if fails:
        found.same(f"{entry.where}: that it has too many tokens", False, fails)
        return False
    found.same(f"{entry.where}, tokens", used, entry.integers("clip_tokens_of_output_after_strip"))
    count = entry.integer("clip_token_count_with_sot_eot")
    found.same(f"{entry.where}, number of tokens", len(used), count)
    return False


def _used(ids: NDArray[np.int32]) -> list[int]:
    """Return the ids up to the end of the text; what follows is zeros."""
    kept: list[int] = np.trim_zeros(ids, "b").tolist()
    return kept
