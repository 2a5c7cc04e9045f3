import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmark

PACK = Path(benchmark.__file__).parent / "verify" / "pack_data"


@pytest.fixture
def folder(tmp_path):
    """A results folder of finetune_CLIP.py, with the recorded predictions."""
    made = tmp_path / "official" / "clip_seed7_auc0.7229"
    made.mkdir(parents=True)
    name = "clip_lr2e-3"
    told = json.loads((PACK / f"trajectory_{name}.json").read_text())
    with np.load(PACK / "trajectory_predictions.npz") as arrays:
        for epoch in range(3):
            held = {
                key: arrays[f"{name}__ep{epoch:03d}_{key}"]
                for key in ("val_pred", "val_gt", "val_attr")
            }
            np.savez(made / f"pred_gt_ep{epoch:03d}.npz", **held)
    (made / "args_train.txt").write_text(json.dumps({"seed": 7, "num_epochs": 3}))
    (made / "best_p.csv").write_text(f"{told['perf_file_header']}\n{told['perf_file_row']}\n")
    return made


class TestOfficial:
    def test_says_what_was_imported_and_that_the_printed_metrics_agree(
        self, fairbench, folder, tmp_path
    ):
        results = tmp_path / "results"
        first = fairbench("import", "official", folder.parent, "--results", results)
        assert first.code == 0
        (line,) = first.out.splitlines()
        assert line.startswith("imported  ")
        assert "clip-ft, seed 7: 3 epochs, 54 test samples" in line
        assert line.endswith("its best_*.csv agrees in 36 numbers)")
        again = fairbench("import", "official", folder, "--results", results)
        assert again.out.startswith("present ")

    def test_a_bad_folder_is_one_line_and_exit_code_2(self, fairbench, folder, tmp_path):
        (folder / "args_train.txt").unlink()
        result = fairbench("import", "official", folder, "--results", tmp_path / "results")
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert "args_train.txt: cannot be read" in result.err


class TestPredictions:
    def test_one_line_a_run(self, fairbench, tmp_path):
        rows = [
            {
                "variant": variant,
                "seed": seed,
                "split": "test",
                "sample_id": i,
                "label": i % 2,
                "score": (i * 7 + seed) % 10 / 10,
                "attribute_sex": "fm"[i // 2 % 2],
            }
            for variant in ("clip-ft", "mine")
            for seed in (0, 1)
            for i in range(12)
        ]
        path = tmp_path / "mine.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        results = tmp_path / "results"
        result = fairbench("import", "predictions", path, "--results", results)
        assert result.code == 0
        assert [line.split("  ")[2].split(":")[0] for line in result.out.splitlines()] == [
            "clip-ft, seed 0", "clip-ft, seed 1", "mine, seed 0", "mine, seed 1",
        ]  # fmt: skip
        report = fairbench("compare", results, "--selection", "last", "--out", tmp_path / "out")
        assert report.code == 0
        assert "| mine | sex | AUC" in report.out
