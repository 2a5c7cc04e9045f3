from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from benchmark.batches import SeededBatches, whole_validation_batches
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


class TestOneStream:
    def source(self, data: Dataset, seed: int = 0, **more: Any) -> SeededBatches:
        return batches(data, seed, shared_stream=True, **more)

    def test_has_the_first_epoch_in_common_with_and_without_groups_and_no_later_one(
        self, small_data: Dataset
    ) -> None:
        plain = main_order(self.source(small_data), epochs=4)
        grouped = self.source(small_data, group_attributes=["race"], group_batch_size=4)
        moved = main_order(grouped, epochs=4)
        assert plain[0] == moved[0]
        assert all(a != b for a, b in zip(plain[1:], moved[1:], strict=True))

    def test_moves_main_batches_by_as_many_draws_as_groups_began_a_pass(
        self, small_data: Dataset
    ) -> None:
        # 3 steps an epoch; asian 1, black 10 and white 9 samples in batches of 4 begin 3, 1 and
        # 1 passes in the first epoch. Without groups that is epoch 1 + 5 of the same stream.
        members = [np.sum(small_data.splits["train"].attributes["race"] == g) for g in range(3)]
        passes = sum(-(-3 // -(-int(n) // 4)) for n in members)
        assert passes == 5
        grouped = self.source(small_data, group_attributes=["race"], group_batch_size=4)
        plain = self.source(small_data)
        assert main_order(grouped, 2)[1] == main_order(plain, 2 + passes)[-1]

    def test_moves_main_batches_with_the_size_of_group_batches(self, small_data: Dataset) -> None:
        def order(size: int) -> list[list[int]]:
            groups: dict[str, Any] = {"group_attributes": ["race"], "group_batch_size": size}
            return main_order(self.source(small_data, **groups))

        assert order(4) == order(4)
        assert order(4) != order(1)

    def test_draws_permutations_and_whole_passes(self, small_data: Dataset) -> None:
        source = self.source(small_data, group_attributes=["race"], group_batch_size=4)
        white = set(np.flatnonzero(small_data.splits["train"].attributes["race"] == 2).tolist())
        drawn: list[int] = []
        for epoch in (1, 2):
            steps = source.epoch(epoch)
            assert sorted(np.concatenate([s.main for s in steps]).tolist()) == list(range(N))
            drawn += np.concatenate([s.groups["race/white"] for s in steps]).tolist()
        assert sorted(drawn[: len(white)]) == sorted(drawn[len(white) :]) == sorted(white)

    def test_depends_on_the_seed(self, small_data: Dataset) -> None:
        assert main_order(self.source(small_data)) != main_order(self.source(small_data, seed=1))


class TestDroppedLastBatches:
    def test_leave_whole_batches_alone(self, small_data: Dataset) -> None:
        source = batches(
            small_data, drop_last=True, group_attributes=["gender"], group_batch_size=4
        )
        steps = [step for epoch in (1, 2, 3) for step in source.epoch(epoch)]
        assert {len(step.main) for step in steps} == {BATCH}
        assert len(steps) == 3 * (N // BATCH)
        assert {len(batch) for step in steps for batch in step.groups.values()} == {4}

    def test_are_the_last_ones_of_the_same_order(self, small_data: Dataset) -> None:
        whole, cut = batches(small_data).epoch(2), batches(small_data, drop_last=True).epoch(2)
        assert [s.main.tolist() for s in cut] == [s.main.tolist() for s in whole[:-1]]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"group_attributes": ["race"], "group_batch_size": 4},
                r"group race/asian has 1 samples, less than one batch of 4.*last_batch=kept",
            ),
            ({"batch": 22}, "the training set has 21 samples, less than one batch of 22"),
        ],
    )
    def test_of_too_few_samples_are_an_error(
        self, arguments: dict[str, Any], message: str, small_data: Dataset
    ) -> None:
        size = arguments.pop("batch", BATCH)
        with pytest.raises(FairbenchError, match=message):
            SeededBatches(small_data, 0, size, drop_last=True, **arguments)

    def test_of_validation_leave_its_first_samples_and_the_other_splits(
        self, small_data: Dataset
    ) -> None:
        cut, val = whole_validation_batches(small_data, 4), small_data.splits["val"]
        assert len(val) == 10
        assert cut.splits["val"].sample_id.tolist() == val.sample_id[:8].tolist()
        np.testing.assert_array_equal(cut.splits["val"].images, val.images[:8])
        np.testing.assert_array_equal(cut.splits["val"].tokens, val.tokens[:8])
        np.testing.assert_array_equal(cut.splits["val"].label, val.label[:8])
        for name, codes in val.attributes.items():
            np.testing.assert_array_equal(cut.splits["val"].attributes[name], codes[:8])
        assert cut.splits["train"] is small_data.splits["train"]
        assert cut.splits["test"] is small_data.splits["test"]

    def test_of_a_small_validation_set_are_an_error(self, small_data: Dataset) -> None:
        with pytest.raises(FairbenchError, match="the validation set has 10 samples"):
            whole_validation_batches(small_data, 32)


class TestCaptions:
    def test_are_the_images_own_unless_told(self, small_data: Dataset) -> None:
        assert all(not step.captions for step in grouped(small_data).epoch(1))

    def test_of_a_groups_kth_image_are_the_kth_of_the_training_set(
        self, small_data: Dataset
    ) -> None:
        source = batches(
            small_data, group_attributes=["race"], group_batch_size=4, mismatched_captions=True
        )
        codes = small_data.splits["train"].attributes["race"]
        for step in source.epoch(1):
            assert step.captions.keys() == step.groups.keys()
            for code, group in enumerate(("asian", "black", "white")):
                listed = [i for i, c in enumerate(codes.tolist()) if c == code]
                images = step.groups[f"race/{group}"].tolist()
                captions = step.captions[f"race/{group}"].tolist()
                assert [listed.index(image) for image in images] == captions

    def test_do_not_move_the_images(self, small_data: Dataset) -> None:
        def images(mismatched: bool) -> list[list[int]]:
            source = batches(
                small_data,
                group_attributes=["race"],
                group_batch_size=4,
                mismatched_captions=mismatched,
            )
            return [batch.tolist() for batch in group_stream(source, "race/white")]

        assert images(True) == images(False)
