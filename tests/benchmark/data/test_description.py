from benchmark.data.dataset import Dataset, Schema
from benchmark.data.description import describe_data


class TestDescribeData:
    def test_names_sizes_and_what_was_left_out(self):
        sizes = {"train": 7000, "val": 990, "test": 1985}
        data = Dataset(
            Schema("fairvlmed", (), (), {}),
            {name: range(n) for name, n in sizes.items()},
            "abcdef0123456789",
            "",
            {"train": 0, "val": 10, "test": 15},
            truncated_notes=3,
        )
        assert describe_data(data) == (
            "dataset fairvlmed abcdef012345: 7000 train, 990 val, 1985 test samples; dropped for "
            "unknown attributes: 10 val and 15 test; notes cut to the model's context: 3"
        )
