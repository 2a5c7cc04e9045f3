"""Notes as a model reads them: cut as the public code cuts them, then token ids.

No message of this module contains note text: only file names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Tokenizer
from benchmark.data.notes import some_of
from benchmark.errors import FairbenchError

LongNotes = Literal["error", "truncate"]


def truncate_note(text: str, characters: int) -> str:
    """Cut a note after so many characters, then back to the last space, as the public code.

    Two oddities are kept, because they decide what the public code trained on: without a space
    the last character is lost, and a word that ends exactly at the limit is lost too.
    """
    if len(text) <= characters:
        return text
    cut = text[:characters]
    return cut[: cut.rfind(" ")]


def tokenise(
    files: Sequence[str],
    notes: Sequence[str],
    tokenizer: Tokenizer,
    *,
    characters: int | None,
    long_notes: LongNotes,
) -> tuple[NDArray[np.int32], int]:
    """Return token ids, and how many notes were cut because they had too many tokens.

    Args:
        files: N file names, for messages.
        notes: N texts.
        tokenizer: The model's.
        characters: Cut each note by `truncate_note` first; None keeps it whole.
        long_notes: What a note with more tokens than the context holds is: an `error`, as in
            the public code, or something to `truncate`.

    Returns:
        (N, L) int32 ids, L the context length; the number of notes cut to L tokens.

    Raises:
        FairbenchError: `long_notes` is `error` and a note is too long.
    """
    if characters is not None:
        notes = [truncate_note(note, characters) for note in notes]
    texts = list(dict.fromkeys(notes))  # captions made from labels are few
    ids = tokenizer(texts)
    cut = set(_too_long(texts, ids, tokenizer))
    place = {text: position for position, text in enumerate(texts)}
    at = [place[note] for note in notes]
    long = [i for i, position in enumerate(at) if position in cut]
    if long and long_notes == "error":
        raise FairbenchError(
            f"the notes of {some_of([files[i] for i in long])} have more than"
            f" {tokenizer.context_length} tokens; long_notes=truncate cuts them, a smaller"
            " note_characters shortens every note"
        )
    return ids[at], len(long)


def _too_long(texts: Sequence[str], ids: NDArray[np.int32], tokenizer: Tokenizer) -> Sequence[int]:
    """Return the positions of the texts that were cut; their (N, L) ids are known.

    A tokenizer that ends every cut text with one id, and short ones with padding, tells most
    texts that were not cut by their last id; only the others are encoded again to be counted.
    """
    long = (f"{letter} " * tokenizer.context_length for letter in "ab")
    padding, end, same_end = tokenizer(["", *long])[:, -1]
    if end != same_end or end == padding:
        return tokenizer.too_long(texts)
    full = [i for i, last in enumerate(ids[:, -1]) if last != padding]
    return [full[i] for i in tokenizer.too_long([texts[i] for i in full])] if full else []
