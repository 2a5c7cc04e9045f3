from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from benchmark.batches import SeededBatches
from benchmark.data.dataset import Dataset
from benchmark.errors import FairbenchError

N, BATCH = 21, 8


def batches(data: Dataset, seed: int = 0, **arguments: Any) -> SeededBatches:
    return SeededBatches(data, seed, BATCH, **arguments)


def grouped(data: Dataset, seed: int = 0, size: int = 4) -> SeededBatches:
    return batches(data, seed, group_attributes=["race", "gender"], group_batch_size=size)


def main_order(source: SeededBatches, epochs: int = 3) -> list[list[int]]:
    return [
        np.concatenate([step.main for step in source.epoch(epoch)]).tolist()
        for epoch in range(1, epochs + 1)
    ]


def group_stream(source: SeededBatches, name: str, epochs: int = 6) -> list[np.ndarray]:
    return [step.groups[name] for e in range(1, epochs + 1) for step in source.epoch(e)]


class TestMainBatches:
    def test_every_epoch_is_a_permutation_of_the_training_set(self, small_data: Dataset) -> None:
        for order in main_order(batches(small_data)):
            assert sorted(order) == list(range(N))

    def test_epochs_and_seeds_differ(self, small_data: Dataset) -> None:
        orders = main_order(batches(small_data)) + main_order(batches(small_data, seed=1))
        assert len({tuple(order) for order in orders}) == 6

    def test_the_last_short_batch_is_kept(self, small_data: Dataset) -> None:
        assert [len(step.main) for step in batches(small_data).epoch(1)] == [8, 8, 5]

    def test_do_not_move_when_group_batches_are_drawn(self, small_data: Dataset) -> None:
        assert main_order(batches(small_data)) == main_order(grouped(small_data))
        assert main_order(batches(small_data)) == main_order(grouped(small_data, size=2))

    def test_do_not_depend_on_the_epochs_asked_for_before(self, small_data: Dataset) -> None:
        late = np.concatenate([step.main for step in batches(small_data).epoch(3)])
        assert late.tolist() == main_order(batches(small_data))[2]

    def test_of_seed_zero_stay_what_they_were(self, small_data: Dataset) -> None:
        first = batches(small_data).epoch(1)[0]
        assert first.main.tolist() == [7, 12, 3, 13, 20, 11, 10, 4]

    def test_without_groups_have_no_group_batches(self, small_data: Dataset) -> None:
        assert all(not step.groups for step in batches(small_data).epoch(1))


class TestGroupBatches:
    def members(self, data: Dataset, name: str) -> set[int]:
        attribute, group = name.split("/")
        code = data.schema.attributes[attribute].index(group)
        return set(np.flatnonzero(data.splits["train"].attributes[attribute] == code).tolist())

    @pytest.mark.parametrize("name", ["race/asian", "race/black", "race/white", "gender/male"])
    def test_cover_each_member_once_a_pass(self, small_data: Dataset, name: str) -> None:
        members = self.members(small_data, name)
        drawn = np.concatenate(group_stream(grouped(small_data), name)).tolist()
        for start in range(0, len(drawn) - len(members), len(members)):
            assert sorted(drawn[start : start + len(members)]) == sorted(members)

    def test_end_every_pass_with_a_short_batch(self, small_data: Dataset) -> None:
        assert len(self.members(small_data, "race/white")) == 9
        sizes = [len(batch) for batch in group_stream(grouped(small_data), "race/white")]
        assert sizes[:6] == [4, 4, 1, 4, 4, 1]

    def test_passes_differ(self, small_data: Dataset) -> None:
        stream = group_stream(grouped(small_data), "race/white")
        passes = [tuple(np.concatenate(stream[i : i + 3]).tolist()) for i in (0, 3, 6)]
        assert len(set(passes)) == 3

    def test_a_group_of_one_gives_it_every_step(self, small_data: Dataset) -> None:
        stream = group_stream(grouped(small_data), "race/asian")
        assert {tuple(batch.tolist()) for batch in stream} == {(0,)}

    def test_a_group_without_a_sample_is_absent(self, small_data: Dataset) -> None:
        names = set(grouped(small_data).epoch(1)[0].groups)
        assert names == {"race/asian", "race/black", "race/white", "gender/female", "gender/male"}

    def test_unknown_values_belong_to_no_group(self, small_data: Dataset) -> None:
        unknown = set(np.flatnonzero(small_data.splits["train"].attributes["race"] == -1).tolist())
        assert unknown
        drawn = Counter[int]()
        for group in ("asian", "black", "white"):
            for batch in group_stream(grouped(small_data), f"race/{group}"):
                drawn.update(batch.tolist())
        assert not unknown & set(drawn)

    def test_depend_on_the_seed_and_on_nothing_else(self, small_data: Dataset) -> None:
        def stream(seed: int, attributes: list[str]) -> list[list[int]]:
            source = batches(small_data, seed, group_attributes=attributes, group_batch_size=4)
            return [batch.tolist() for batch in group_stream(source, "race/white")]

        assert stream(0, ["race"]) == stream(0, ["gender", "race"])
        assert stream(0, ["race"]) != stream(1, ["race"])

    def test_an_unknown_attribute_lists_the_known_ones(self, small_data: Dataset) -> None:
        with pytest.raises(FairbenchError, match=r"no attribute 'age'. Known: race, gender"):
            batches(small_data, group_attributes=["age"], group_batch_size=4)
