"""A writable copy of the mini dataset, and ways to damage it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "data"
Edit = Callable[..., Path]


@pytest.fixture(scope="session")
def mini() -> Path:
    return DATA / "mini_fairvlmed"


@pytest.fixture
def folder(tmp_path: Path, mini: Path) -> Path:
    return Path(shutil.copytree(mini, tmp_path / "fairvlmed"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Rewrite fields of one sample; a field set to None is removed."""

    def rewrite(name: str, **fields: Any) -> Path:
        path = folder / name
        with np.load(path) as archive:
            held = {field: archive[field] for field in archive.files}
        held.update(fields)
        np.savez(path, **{field: value for field, value in held.items() if value is not None})
        return path

    return rewrite


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """CLIP's own tokenizer behind the contract of `benchmark.data.dataset.Tokenizer`."""
    from open_clip.tokenizer import SimpleTokenizer  # slow to import, and few tests need it

    clip = SimpleTokenizer()

    class ClipTokenizer:
        context_length = 77

        def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
            return np.asarray(clip(list(texts)).numpy(), np.int32)

        def too_long(self, texts: Sequence[str]) -> list[int]:
            return [i for i, text in enumerate(texts) if len(clip.encode(text)) > 75]

    return ClipTokenizer()
