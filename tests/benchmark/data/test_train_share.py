from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.config import DatasetConfig
from benchmark.data.dataset import Dataset, Schema, Split
from benchmark.data.train_share import take_shares
from benchmark.errors import FairbenchError

RACES = ("asian", "black", "white")
GENDERS = ("female", "male")


def dataset(n: int = 120, seed: int = 0) -> Dataset:
    """Codes and labels at random, some codes unknown; images and tokens say their row."""
    random = np.random.default_rng(seed)

    def split(offset: int) -> Split:
        rows = np.arange(offset, offset + n)
        return Split(
            images=np.broadcast_to(
                (rows % 256).astype(np.uint8)[:, None, None, None], (n, 1, 2, 2)
            ),
            tokens=rows.astype(np.int32)[:, None],
            label=random.integers(0, 2, n).astype(np.int8),
            attributes={
                "race": random.integers(-1, 3, n).astype(np.int8),
                "gender": random.integers(0, 2, n).astype(np.int8),
            },
            sample_id=np.array([f"{row:016x}" for row in rows]),
        )

    return Dataset(
        schema=Schema("toy", ("no", "yes"), ("a", "b"), {"race": RACES, "gender": GENDERS}),
        splits={"train": split(0), "val": split(1000), "test": split(2000)},
        fingerprint="f" * 64,
        test_fingerprint="t" * 64,
    )


def ids(data: Dataset) -> set[str]:
    return set(data.splits["train"].sample_id.tolist())


def members(data: Dataset, group: str) -> set[str]:
    train = data.splits["train"]
    attribute, _, name = group.partition("/")
    code = data.schema.attributes[attribute].index(name)
    return set(train.sample_id[train.attributes[attribute] == code].tolist())


shares = st.floats(0.2, 1.0)


class TestTakeShares:
    @given(shares, shares, st.integers(0, 20))
    def test_a_smaller_share_lies_within_a_larger(self, a: float, b: float, seed: int) -> None:
        data = dataset(seed=seed)
        low, high = sorted((a, b))
        assert ids(take_shares(data, {"race/black": low}).data) <= ids(
            take_shares(data, {"race/black": high}).data
        )

    @given(shares, st.sampled_from(["race/black", "race/white", "gender/male"]))
    def test_as_many_of_each_class_are_kept_as_the_share_says(
        self, share: float, name: str
    ) -> None:
        data = dataset()
        found = take_shares(data, {name: share})
        attribute, _, group = name.partition("/")
        before, after = (c[attribute][group] for c in (found.before, found.after))
        assert after == [math.floor(share * n + 0.5) for n in before]
        train = found.data.splits["train"]
        inside = train.attributes[attribute] == data.schema.attributes[attribute].index(group)
        assert [int((train.label[inside] == c).sum()) for c in (0, 1)] == after

    def test_everybody_else_stays_whatever_their_group(self) -> None:
        data = dataset()
        found = take_shares(data, {"race/black": 0.3}).data
        assert ids(data) - ids(found) <= members(data, "race/black")

    def test_one_groups_subset_does_not_depend_on_another_groups_share(self) -> None:
        data = dataset()
        alone = take_shares(data, {"race/black": 0.3}).data
        both = take_shares(data, {"race/black": 0.3, "race/white": 0.5}).data
        assert members(alone, "race/black") == members(both, "race/black")

    def test_the_order_of_files_moves_nothing(self) -> None:
        data = dataset()
        train = data.splits["train"]
        back = Split(
            train.images[::-1],
            train.tokens[::-1],
            train.label[::-1],
            {name: codes[::-1] for name, codes in train.attributes.items()},
            train.sample_id[::-1],
        )
        turned = Dataset(data.schema, {**data.splits, "train": back}, "g" * 64, "t" * 64)
        kept = (take_shares(d, {"race/white": 0.4}).data for d in (data, turned))
        assert len({frozenset(ids(one)) for one in kept}) == 1

    def test_rows_stay_together_and_in_order(self) -> None:
        train = take_shares(dataset(), {"race/black": 0.5}).data.splits["train"]
        rows = [int(i, 16) for i in train.sample_id.tolist()]
        assert rows == sorted(rows)
        assert train.tokens[:, 0].tolist() == rows
        assert train.images[:, 0, 0, 0].tolist() == [row % 256 for row in rows]

    def test_validation_and_test_are_untouched(self) -> None:
        data = dataset()
        found = take_shares(data, {"race/black": 0.5}).data
        assert found.splits["val"] is data.splits["val"]
        assert found.splits["test"] is data.splits["test"]
        assert found.test_fingerprint == data.test_fingerprint

    def test_the_fingerprint_is_that_of_the_samples_kept(self) -> None:
        data = dataset()
        half, same, third = (
            take_shares(data, {"race/black": share}).data.fingerprint for share in (0.5, 0.5, 0.3)
        )
        assert half == same
        assert len({half, third, data.fingerprint}) == 3
        assert take_shares(data, {"race/black": 0.999}).data.fingerprint == data.fingerprint

    def test_describes_every_group_before_and_after(self) -> None:
        data = dataset()
        found = take_shares(data, {"race/black": 0.5}).described()
        assert found["whole_fingerprint"] == data.fingerprint
        for name in ("train_groups", "train_groups_whole"):
            assert {a: [*g] for a, g in found[name].items()} == {
                "race": [*RACES],
                "gender": [*GENDERS],
            }
        assert sum(found["train_groups_whole"]["race"]["black"]) == len(members(data, "race/black"))

    def test_a_class_that_would_be_lost_is_an_error_with_the_least_share(self) -> None:
        data = dataset(n=60)
        with pytest.raises(FairbenchError, match=r"race/black.*none of its \d+ samples.*at least"):
            take_shares(data, {"race/black": 0.01})

    @pytest.mark.parametrize(
        ("name", "text"), [("rase/black", "unknown attribute"), ("race/blak", "unknown race group")]
    )
    def test_an_unknown_group_is_named_with_those_that_exist(self, name: str, text: str) -> None:
        with pytest.raises(FairbenchError, match=f"{text}.*Did you mean"):
            take_shares(dataset(), {name: 0.5})

    def test_a_group_without_training_samples_is_an_error(self) -> None:
        data = dataset()
        train = data.splits["train"]
        train.attributes["race"][train.attributes["race"] == 1] = 2
        with pytest.raises(FairbenchError, match="no training sample is in group 'race/black'"):
            take_shares(data, {"race/black": 0.5})


class TestKey:
    def test_without_it_a_dataset_is_described_as_before(self) -> None:
        assert "train_share" not in DatasetConfig().in_effect()

    def test_a_group_that_is_kept_whole_is_as_one_not_named(self) -> None:
        assert DatasetConfig(train_share={"race/black": 1}) == DatasetConfig()

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"race/black": 0}, "expected more than 0, at most 1"),
            ({"race/black": 1.2}, "is 1.2 for 'race/black'"),
            ({"race/black": -0.1}, "expected more than 0"),
            ({"race/black": float("nan")}, "is nan for"),
            ({"black": 0.5}, "names 'black'; expected attribute/group"),
            ({"race/black": 0.5, "gender/male": 0.5}, "name groups of one attribute"),
        ],
    )
    def test_refuses_what_is_no_share_of_a_group(self, value: dict[str, Any], text: str) -> None:
        with pytest.raises(ValueError, match=text):
            DatasetConfig(train_share=value)

    @pytest.mark.parametrize("name", ["synthetic", "fairvlmed", "fairface", "table"])
    def test_every_dataset_takes_it(self, name: str) -> None:
        made = DatasetConfig(name=name, train_share={"race/black": 0.5})
        assert made.in_effect()["train_share"] == {"race/black": 0.5}
