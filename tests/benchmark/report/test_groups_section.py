import numpy as np
import pytest

from benchmark.comparison import compare
from benchmark.report.groups_section import gaps_section, groups_section
from benchmark.report.model import Table


def tables(section):
    return {block.id: block for block in section.blocks if isinstance(block, Table)}


def column(table, key):
    at = [c.key for c in table.columns].index(key)
    return [row[at] for row in table.rows]


@pytest.fixture
def found(write_scored, tmp_path):
    race = np.repeat([0, 1, 2], [10, 50, 30])  # asian: five of each class; black: 25
    y = np.concatenate([np.arange(60) % 2, np.zeros(30, int)])  # white: one class only
    test = {"race": race}
    val = {"race": np.arange(60) % 3}
    for seed in (0, 1):
        for label, on in (("clip-ft", ()), ("fairclip", ("race",))):
            write_scored(
                label,
                seed,
                trained_on=on,
                label_of={"val": np.arange(60) % 2, "test": y},
                codes={"val": val, "test": test},
            )
    return compare(tmp_path / "results")


class TestGroupsSection:
    def test_counts_and_warns_of_groups_that_a_patient_moves_more_than_the_margin(self, found):
        (section,) = groups_section(found)
        (table,) = tables(section).values()
        assert [cell.text for cell in column(table, "group")] == ["asian", "black", "white"]
        assert [cell.value for cell in column(table, "n")] == [10, 50, 30]
        assert [cell.value for cell in column(table, "n_positive")] == [5, 25, 0]
        assert [cell.value for cell in column(table, "n_negative")] == [5, 25, 30]
        assert [cell.text for cell in column(table, "step")] == ["20.0", "4.0", "–"]
        assert [cell.text for cell in column(table, "warning")] == [
            "small",
            "–",
            "one class only: no AUC and no DEOdds",
        ]
        assert "the margin of DEOdds" in table.notes[0]

    def test_the_margin_is_that_of_the_comparison(self, found, tmp_path):
        wide = compare(tmp_path / "results", margin={"deodds": 0.25})
        (table,) = tables(next(groups_section(wide))).values()
        assert column(table, "warning")[0].text == "–"

    def test_a_label_of_many_classes_counts_samples_alone(self, write_scored, tmp_path):
        for seed in (0, 1):
            rng = np.random.default_rng(seed)
            scores = {s: rng.dirichlet(np.ones(3), (3, n)) for s, n in (("val", 60), ("test", 90))}
            write_scored(
                "clip-ft",
                seed,
                results=tmp_path / "many",
                classes=("none", "mild", "severe"),
                label_of={"val": np.arange(60) % 3, "test": np.arange(90) % 3},
                scores=scores,
            )
        (section,) = groups_section(compare(tmp_path / "many"))
        (table,) = tables(section).values()
        assert sum(cell.value for cell in column(table, "n")) == 90
        assert {cell.text for cell in column(table, "n_positive")} == {"–"}


class TestGapsSection:
    def test_every_gap_stands_beside_its_mean_under_permuted_labels(self, found):
        (section,) = gaps_section(found)
        (table,) = tables(section).values()
        rows = found.summary[found.summary["main_rule"] & (found.summary["group"] == "")]
        for gap in ("dpd", "deodds", "auc_gap"):
            for key in (gap, f"{gap}_permuted"):
                expected = rows[rows["metric"] == key].set_index("variant")["mean"]
                names = [cell.text.removesuffix(" (baseline)") for cell in column(table, "variant")]
                for name, cell in zip(names, column(table, key), strict=True):
                    if np.isnan(expected[name]):
                        assert cell.text == "n.e."
                    else:
                        assert cell.value == expected[name]
                        assert cell.text == f"{100 * expected[name]:.2f}"
        assert column(table, "dpd")[0].value > 0
