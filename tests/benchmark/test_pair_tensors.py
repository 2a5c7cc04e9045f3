from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmark.data.dataset import Dataset
from benchmark.pair_tensors import PairTensors

CPU = torch.device("cpu")


class TestPairTensors:
    def test_give_images_and_tokens_at_the_positions(self, small_data: Dataset) -> None:
        split = small_data.splits["train"]
        pairs, index = PairTensors(split, CPU), np.array([7, 2, 2])
        assert len(pairs) == len(split)
        np.testing.assert_array_equal(pairs.images(index).numpy(), split.images[[7, 2, 2]])
        np.testing.assert_array_equal(pairs.tokens(index).numpy(), split.tokens[[7, 2, 2]])
        assert pairs.images(index).dtype == torch.uint8

    def test_read_a_memory_map_without_writing_to_it(
        self, small_data: Dataset, tmp_path: Any
    ) -> None:
        split = small_data.splits["train"]
        np.save(tmp_path / "images.npy", split.images)
        images = np.load(tmp_path / "images.npy", mmap_mode="r")
        pairs = PairTensors(replace(split, images=images), CPU)
        batch = pairs.images(np.array([0, 1]))
        batch.zero_()
        np.testing.assert_array_equal(images, split.images)

    def test_read_ahead_give_the_same_images_in_any_order_and_forget_them(
        self, small_data: Dataset
    ) -> None:
        split = small_data.splits["train"]
        pairs = PairTensors(split, CPU, streamed=True)
        batches = [np.array([5, 1]), np.array([0]), np.array([3, 3, 2])]
        pairs.read_ahead(batches)
        for index in [*reversed(batches), batches[0]]:  # the last was not read ahead
            np.testing.assert_array_equal(pairs.images(index).numpy(), split.images[index])

    def test_a_streamed_training_is_the_same_bit_for_bit(
        self, train_run: Any, monkeypatch: Any
    ) -> None:
        from functools import partial

        def scores() -> np.ndarray:
            found = train_run("fairclip", epochs=2).epochs
            return np.concatenate([facts.scores["test"].score for facts in found])

        read = scores()
        monkeypatch.setattr("benchmark.trainer.PairTensors", partial(PairTensors, streamed=True))
        np.testing.assert_array_equal(scores(), read)
