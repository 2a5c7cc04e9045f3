"""A label with three classes and two attributes, from training to the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference
from sklearn.metrics import roc_auc_score

import benchmark
import benchmark.execute
from benchmark.data.dataset import Schema, SourceSplit
from benchmark.errors import FairbenchError
from benchmark.predictions import read_predictions
from benchmark.results import RunStore

SCHEMA = Schema(
    name="synthetic",
    classes=("none", "mild", "severe"),
    prompts=("a healthy eye", "an eye of mild illness", "a very ill eye"),
    attributes={"race": ("asian", "black", "white"), "gender": ("female", "male")},
)
SIZES = {"train": 48, "val": 36, "test": 60}
BRIGHTNESS = np.array([60, 120, 180])


def split(name: str, n: int) -> SourceSplit:
    label = (np.arange(n) % 3).astype(np.int8)
    return SourceSplit(
        files=tuple(f"{name}_{i:03d}" for i in range(n)),
        label=label,
        attributes={
            # Two samples of (white, female), of one class.
            "race": np.array([2, 2, *(np.arange(n - 2) // 3 % 2)], np.int8),
            "gender": np.array([0, 0, *(np.arange(n - 2) // 6 % 2)], np.int8),
        },
        notes=tuple(SCHEMA.prompts[c] for c in label),
    )


@dataclass
class InMemory:
    root: Path = Path("in memory")
    schema: Schema = SCHEMA
    splits: Any = field(default_factory=lambda: {s: split(s, n) for s, n in SIZES.items()})
    fingerprint: str = "3" * 64
    test_fingerprint: str = "4" * 64
    image_fingerprint: str = "5" * 64
    dropped: Any = field(default_factory=lambda: dict.fromkeys(SIZES, 0))

    def image(self, name: str, index: int) -> np.ndarray:
        rng = np.random.default_rng([len(name), index])
        level = BRIGHTNESS[self.splits[name].label[index]]
        return np.clip(level + rng.normal(0, 40, (32, 32)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    results = tmp_path_factory.mktemp("three-classes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark.execute, "source_of", lambda config: InMemory())
        benchmark.execute.forget()
        untrained = benchmark.run("clip", results=results)
        table = benchmark.run(
            ["clip-ft", "fairclip"],
            results=results,
            attributes=["race"],
            seeds="0-1",
            keys={"epochs": 2, "batch_size": 16},
        )
        benchmark.execute.forget()
    assert {*table["state"], *untrained["state"]} == {"done"}, table.to_dict("records")
    found = benchmark.compare(results, selection="val-auc", intersections=["gender*race"])
    return SimpleNamespace(results=results, found=found)


def cell(rows: pd.DataFrame, metric: str, group: str = "") -> Any:
    (row,) = rows[(rows["metric"] == metric) & (rows["group"] == group)].to_dict("records")
    return row


class TestThreeClasses:
    def test_predictions_hold_a_probability_for_each_class(self, trained: Any) -> None:
        for run in RunStore(trained.results).read():
            for name, part in read_predictions(run.path).items():
                assert part.score.shape == (len(part.epochs), SIZES[name], 3)
                np.testing.assert_allclose(part.score.sum(axis=2), 1, atol=1e-6)

    def test_reported_values_are_those_of_the_stored_scores(self, trained: Any) -> None:
        per_seed = trained.found.per_seed
        rows = per_seed[
            (per_seed["variant"] == "clip-ft")
            & (per_seed["seed"] == 0)
            & (per_seed["attribute"] == "gender")
            & (per_seed["selection"] == "val-auc")
        ]
        run = read_predictions(trained.results / "runs" / rows["run"].iloc[0])
        val, test = run["val"], run["test"]
        by_epoch = [macro(val.label, score) for score in val.score]
        assert max(by_epoch) > 0.6, "nothing was learned, so nothing is tested"
        epoch = int(rows["epoch"].iloc[0])
        assert by_epoch[epoch - 1] == pytest.approx(max(by_epoch))
        score = test.score[epoch - 1]
        assert cell(rows, "auc")["value"] == pytest.approx(macro(test.label, score), abs=1e-12)
        for c, name in enumerate(SCHEMA.classes):
            expected = demographic_parity_difference(
                test.label == c, score.argmax(axis=1) == c, sensitive_features=test.codes["gender"]
            )
            assert cell(rows, "class_dpd", name)["value"] == pytest.approx(expected, abs=1e-12)

    def test_a_group_without_a_class_is_not_estimable_with_counts(self, trained: Any) -> None:
        summary = trained.found.summary
        rows = summary[(summary["variant"] == "clip-ft") & (summary["attribute"] == "race×gender")]
        auc = cell(rows[rows["main_rule"]], "group_auc", "white × female")
        assert np.isnan(auc["mean"])
        assert auc["reason"] == (
            "group 'white × female' has 1 sample of class 'none', 1 of 'mild' and 0 of 'severe'"
        )

    def test_an_arm_trained_on_race_is_judged_on_the_intersection(self, trained: Any) -> None:
        per_seed = trained.found.per_seed
        judged = per_seed.groupby("variant")["attribute"].unique()
        assert set(judged["fairclip"]) == {"race", "race×gender"}
        assert set(judged["clip-ft"]) == {"race", "gender", "race×gender"}
        summary = trained.found.summary
        rows = summary[(summary["variant"] == "fairclip") & (summary["attribute"] == "race×gender")]
        assert cell(rows[rows["main_rule"]], "dpd")["n_pairs"] == 2

    def test_the_report_has_a_row_for_each_class_and_says_what_is_missing(
        self, trained: Any, tmp_path: Path
    ) -> None:
        trained.found.write(tmp_path, [])
        text = (tmp_path / "comparison.md").read_text(encoding="utf-8")
        assert "race×gender" in text
        assert "asian × male" in text
        assert "AUC severe" in text

    def test_a_threshold_rule_of_two_classes_is_one_clear_line(self, trained: Any) -> None:
        with pytest.raises(
            FairbenchError, match=r"'youden' is for two classes .* has 3; use '0.5'"
        ):
            benchmark.compare(trained.results, threshold="youden")

    def test_an_unknown_attribute_of_an_intersection_is_one_clear_line(self, trained: Any) -> None:
        with pytest.raises(
            FairbenchError, match=r"'race×gendre': 'gendre'\. Did you mean 'gender'"
        ):
            benchmark.compare(trained.results, intersections=["race×gendre"])


def macro(label: Any, score: Any) -> float:
    return float(np.mean([roc_auc_score(label == c, score[:, c]) for c in range(3)]))
