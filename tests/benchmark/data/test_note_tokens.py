from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmark.data.dataset import Tokenizer
from benchmark.data.note_tokens import tokenise, truncate_note
from benchmark.errors import FairbenchError

CASES = json.loads((Path(__file__).parents[2] / "data" / "truncate.json").read_text())
STRINGS = CASES["strings"]
SECRET = "the patient Jane Doe"


class TestTruncateNote:
    @pytest.mark.parametrize("case", STRINGS, ids=[case["name"] for case in STRINGS])
    def test_cuts_as_recorded_from_the_public_code(self, case: dict[str, str]) -> None:
        limit = CASES["max_length"]
        assert truncate_note(case["input"], limit) == case["output"]
        assert truncate_note(case["input"].strip(), limit) == case["output_after_strip_first"]

    @given(st.text(st.sampled_from("ab \n"), max_size=60), st.integers(1, 40))
    def test_result_is_a_shorter_beginning_unless_the_text_fits(
        self, text: str, limit: int
    ) -> None:
        cut = truncate_note(text, limit)
        assert text.startswith(cut)
        assert cut == text if len(text) <= limit else len(cut) < limit


class TestTokenise:
    def test_ids_are_those_recorded_from_clips_tokenizer(self, tokenizer: Tokenizer) -> None:
        fitting = [s for s in STRINGS if "clip_tokens_of_output_after_strip" in s]
        notes = [s["input"].strip() for s in fitting]
        names = [s["name"] for s in fitting]
        ids, cut = tokenise(names, notes, tokenizer, characters=180, long_notes="error")
        assert cut == 0
        assert ids.dtype == np.int32
        for row, case in zip(ids, fitting, strict=True):
            expected = case["clip_tokens_of_output_after_strip"]
            assert row.tolist() == expected + [0] * (77 - len(expected))

    def test_a_note_is_too_long_exactly_where_clips_tokenizer_raised(
        self, tokenizer: Tokenizer
    ) -> None:
        raised = ["clip_tokens_of_output_after_strip" not in s for s in STRINGS]
        assert any(raised)
        for case, too_long in zip(STRINGS, raised, strict=True):
            note = [case["input"].strip()]
            _, cut = tokenise(["a"], note, tokenizer, characters=180, long_notes="truncate")
            assert bool(cut) == too_long, case["name"]

    def test_a_long_note_is_an_error_that_names_file_and_key_but_no_text(
        self, tokenizer: Tokenizer
    ) -> None:
        notes = ["short", f"{SECRET} " * 40]
        with pytest.raises(FairbenchError, match=r"1 file \(b\.npz\).*long_notes=truncate") as e:
            tokenise(["a.npz", "b.npz"], notes, tokenizer, characters=None, long_notes="error")
        assert "Jane" not in str(e.value)

    def test_a_cut_note_ends_with_clips_end_token(self, tokenizer: Tokenizer) -> None:
        ids, cut = tokenise(
            ["a"], ["word " * 100], tokenizer, characters=None, long_notes="truncate"
        )
        assert (cut, ids[0, -1]) == (1, CASES["class_prompt_tokens"]["A photo of glaucoma"][-1])


class Words:
    """A tokenizer of words: their lengths, an end of 99 or none, padding, and a context of six."""

    context_length = 6

    def __init__(self, end: int | None, padding: int, left: bool = False) -> None:
        self.ending = [] if end is None else [end]
        self.padding, self.left = padding, left
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
        self.asked += texts
        return np.array([self._row(text) for text in texts], np.int32)

    def too_long(self, texts: Sequence[str]) -> list[int]:
        return [i for i, text in enumerate(texts) if len(text.split()) + len(self.ending) > 6]

    def _row(self, text: str) -> list[int]:
        kept = [len(word) for word in text.split()][: 6 - len(self.ending)] + self.ending
        fill = [self.padding] * (6 - len(kept))
        return fill + kept if self.left else kept + fill


class TestWhatIsTooLong:
    @pytest.mark.parametrize("end", [99, 0, None])
    @pytest.mark.parametrize("padding", [0, 1, 99])
    @pytest.mark.parametrize("left", [False, True])
    @given(notes=st.lists(st.text(st.sampled_from("ab  "), max_size=20), min_size=1, max_size=20))
    @settings(max_examples=30)
    def test_every_cut_note_is_counted_whatever_the_tokenizer_ends_and_fills_with(
        self, end: int | None, padding: int, left: bool, notes: list[str]
    ) -> None:
        words = Words(end, padding, left)
        files = [str(i) for i in range(len(notes))]
        ids, cut = tokenise(files, notes, words, characters=None, long_notes="truncate")
        assert cut == len(words.too_long(notes))
        assert np.array_equal(ids, words(notes))

    @given(st.lists(st.integers(60, 90), min_size=1, max_size=6))
    @settings(max_examples=10)
    def test_clips_tokenizer_gives_every_note_its_own_ids(
        self, tokenizer: Tokenizer, words: list[int]
    ) -> None:
        notes = ["eye " * n for n in words]
        ids, cut = tokenise(notes, notes, tokenizer, characters=None, long_notes="truncate")
        assert cut == sum(n > 75 for n in words)
        assert np.array_equal(ids, tokenizer(notes))

    def test_a_text_that_many_samples_share_is_encoded_once(self) -> None:
        words = Words(end=99, padding=0)
        notes = ["a b", "a", "a b", "a b"]
        ids, _ = tokenise(notes, notes, words, characters=None, long_notes="error")
        assert ids[:, :3].tolist() == [[1, 1, 99], [1, 99, 0], [1, 1, 99], [1, 1, 99]]
        assert words.asked.count("a b") == 1
