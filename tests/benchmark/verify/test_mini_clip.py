"""The recorded small CLIP in open_clip's architecture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.verify.mini_clip import CONFIG, WEIGHTS, mini_clip
from benchmark.verify.pack import SHIPPED, Pack, PackError


class TestMiniClip:
    def test_every_recorded_weight_is_taken_exactly(self) -> None:
        state = mini_clip(Pack(SHIPPED)).module.state_dict()
        with np.load(SHIPPED / WEIGHTS) as archive:
            assert set(archive.files) == set(state)
            for name in archive.files:
                assert state[name].dtype == torch.float32
                np.testing.assert_array_equal(state[name].numpy(), archive[name].astype(np.float32))

    def test_the_random_state_is_untouched(self) -> None:
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        mini_clip(Pack(SHIPPED))
        assert torch.equal(torch.rand(2), expected)

    def test_the_hash_follows_the_weights(
        self,
        small_pack: Path,
        edit_arrays: Callable[[str, Callable[[dict[str, Any]], None]], None],
    ) -> None:
        before = mini_clip(Pack(small_pack)).weights_hash
        edit_arrays(WEIGHTS, lambda a: a.update(text_projection=a["text_projection"] * 2))
        assert mini_clip(Pack(small_pack)).weights_hash != before

    def test_a_weight_too_many_is_named(
        self,
        small_pack: Path,
        edit_arrays: Callable[[str, Callable[[dict[str, Any]], None]], None],
    ) -> None:
        edit_arrays(WEIGHTS, lambda a: a.update(extra=np.zeros(1, np.float16)))
        with pytest.raises(PackError, match="'extra' belongs to no weight"):
            mini_clip(Pack(small_pack))

    def test_another_architecture_is_refused(
        self, small_pack: Path, edit: Callable[[str, Callable[[Any], None]], None]
    ) -> None:
        edit(CONFIG, lambda c: c["config"].update(transformer_layers=3))
        with pytest.raises(PackError, match=rf"{WEIGHTS}: array 'transformer\.resblocks\.2"):
            mini_clip(Pack(small_pack))
