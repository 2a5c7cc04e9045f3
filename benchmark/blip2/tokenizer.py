"""BLIP-2's tokenizer, BERT's word pieces, as `benchmark.data` asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONTEXT = 32
"""Tokens of a text, [CLS] and [SEP] included: `max_txt_len` of `blip2_qformer.py` in LAVIS."""


@dataclass(frozen=True)
class Blip2Tokenizer:
    """Texts to (N, context_length) int32 ids, filled up with the padding id."""

    tokenizer: Any
    context_length: int = CONTEXT

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids; a text that is too long is cut to the context."""
        ids = self.tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self.context_length,
        )["input_ids"]
        return np.asarray(ids, np.int32)

    def too_long(self, texts: Sequence[str]) -> list[int]:
        """Return the positions of texts whose tokens, with [CLS] and [SEP], exceed the context."""
        ids = self.tokenizer(list(texts), verbose=False)["input_ids"]
        return [i for i, found in enumerate(ids) if len(found) > self.context_length]
