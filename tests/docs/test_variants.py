from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.config import DatasetConfig, resolve
from benchmark.execute import plan_run
from benchmark.registry import find_variant
from benchmark.results import RunStore
from benchmark.sweep import Silent, sweep

ROOT = Path(__file__).parents[2]


@pytest.fixture
def variant_file(tmp_path: Path) -> Path:
    text = (ROOT / "docs" / "variants.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    path = tmp_path / "mean_gap.py"
    path.write_text(found[1], encoding="utf-8")
    return path


class TestTheExampleOfDocsVariants:
    def test_trains_under_its_file_name_with_its_own_keys(
        self, variant_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAIRBENCH_CACHE", str(tmp_path / "cache"))
        config = resolve(
            find_variant(str(variant_file)),
            attribute="gender",
            changes={"weight": 0.5, "epochs": 1},
            dataset=DatasetConfig(
                name="fairvlmed", data_dir=ROOT / "tests" / "data" / "mini_fairvlmed"
            ),
        )
        [run] = sweep([config], RunStore(tmp_path / "results"), Silent())
        assert (run.state, run.message) == ("done", "")
        assert run.config.label == "mean-gap[weight=0.5]"
        assert "source" in plan_run(config).identity
