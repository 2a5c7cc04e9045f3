"""BLIP2 as runs: rows BLIP2 and BLIP2-FT, from the command's words to one table."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import benchmark
from benchmark.checkpoints import find_checkpoint
from benchmark.cli.main import main
from benchmark.config import ModelConfig, resolve
from benchmark.data.dataset import Dataset
from benchmark.errors import FairbenchError
from benchmark.execute import Planned, plan_run, seeded_batches
from benchmark.model import load_model
from benchmark.numerics import numerics
from benchmark.predictions import read_predictions
from benchmark.registry import find_variant
from benchmark.trainer import train

ROOT = Path(__file__).parents[3]
SHORT = {"epochs": 2, "batch_size": 32, "long_notes": "truncate", "probe_epochs": 4}
SHORT |= {"probe_lr": 10.0, "lr": 1e-3}


@pytest.fixture(scope="module")
def data(blip2: Any, mini: Path) -> Dataset:
    return plan_run(config("clip-ft", blip2.name, mini)).data


def config(variant: str, name: str, mini: Path, **changes: Any) -> Any:
    from benchmark.config import DatasetConfig

    keys = {name: SHORT[name] for name in ("epochs", "batch_size", "long_notes", "lr")}
    return resolve(
        find_variant(variant),
        changes={**keys, **changes},
        may_ignore=keys,
        dataset=DatasetConfig(name="fairvlmed", data_dir=str(mini)),
        model=ModelConfig(name=name),
    )


@pytest.fixture(scope="module")
def trained(blip2: Any, mini: Path, data: Dataset) -> Callable[..., Any]:
    """Train on the mini dataset; what was observed, with the trained module."""

    class Seen:
        def __init__(self) -> None:
            self.steps: list[Any] = []
            self.epochs: list[Any] = []
            self.module: Any = None

        def on_step(self, facts: Any) -> None:
            self.steps.append(facts)

        def on_epoch(self, facts: Any) -> None:
            self.epochs.append(facts)

    def run(variant: str, **changes: Any) -> Seen:
        made, seen = config(variant, blip2.name, mini, **changes), Seen()
        batches = seeded_batches(Planned(made, blip2, data, {}))
        with numerics(threads=1, deterministic=True):
            seen.module = train(made, blip2, data, batches, seen)
        return seen

    return run


@pytest.fixture(scope="module")
def tuned(trained: Any) -> Any:
    return trained("blip2-ft", epochs=4)


class TestTraining:
    def test_moves_the_qformer_and_leaves_the_image_encoder(self, tuned: Any, blip2: Any) -> None:
        before = dict(blip2.module.named_parameters())
        still = {n for n, p in tuned.module.named_parameters() if torch.equal(p, before[n])}
        encoder = {n for n in before if n.startswith("image_encoder.")}
        assert encoder
        assert not any(p.requires_grad for p in tuned.module.image_encoder.parameters())
        assert still == encoder

    def test_lowers_the_contrastive_loss(self, tuned: Any) -> None:
        loss = [step.terms["clip"].value for step in tuned.steps]
        assert np.mean(loss[-3:]) < np.mean(loss[:3]) - 0.1

    def test_twice_gives_the_same_scores_bit_for_bit(self, trained: Any) -> None:
        first, second = (trained("blip2-ft", epochs=1).epochs[-1].scores["test"] for _ in "12")
        assert first.score.tobytes() == second.score.tobytes()
        assert first.similarity.tobytes() == second.similarity.tobytes()

    @pytest.mark.parametrize("variant", ["fairclip", "mmd-gaussian", "logit-shrink"])
    def test_other_methods_work_by_the_closest_query_too(self, variant: str, trained: Any) -> None:
        steps = trained(variant, epochs=1, weight=0.0).steps
        plain = trained("clip-ft", epochs=1).steps
        for a, b in zip(steps, plain, strict=True):
            assert a.terms["clip"].value == b.terms["clip"].value
            assert a.terms["fairness"].value > 0

    def test_in_bfloat16_stays_close(self, trained: Any) -> None:
        full, half = (trained("blip2-ft", epochs=1, precision=p) for p in ("fp32", "bf16-amp"))
        a, b = (run.steps[0].terms["clip"].value for run in (full, half))
        assert 0 < abs(a - b) < 0.05


class TestScores:
    def test_are_those_of_transformers(
        self, blip2: Any, parts: Any, data: Dataset, trained: Any
    ) -> None:
        found = trained("clip").epochs[-1].scores["test"]
        split = data.splits["test"]
        pixels = torch.from_numpy(np.array(split.images)).float() / 255
        mean, std = (torch.tensor(v)[:, None, None] for v in (blip2.mean, blip2.std))
        tokens = torch.from_numpy(split.tokens).long()
        prompts = torch.from_numpy(blip2.tokenizer(data.schema.prompts)).long()
        with torch.no_grad():
            both = torch.cat([tokens, prompts])
            cosines = parts(
                (pixels - mean) / std, both, attention_mask=(both != 0).long()
            ).logits_per_image
        n = len(tokens)
        score = cosines[:, n:].softmax(dim=1)[:, 1]
        np.testing.assert_allclose(found.score, score, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.similarity, cosines.diagonal(), rtol=1e-4, atol=1e-6)


class TestRefusals:
    def test_an_adversary_reads_one_feature_vector_an_image(self, name: str, mini: Path) -> None:
        with pytest.raises(FairbenchError, match="one for each query"):
            plan_run(config("adversarial", name, mini))

    def test_encoders_alone_cannot_train(self, name: str, mini: Path) -> None:
        with pytest.raises(FairbenchError, match="use --set trained=all"):
            plan_run(config("blip2-ft", name, mini, trained="encoders"))


@pytest.fixture(scope="module")
def results(name: str, mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows BLIP2, of the image, and BLIP2-FT, of image and note."""
    results = tmp_path_factory.mktemp("blip2-runs")
    model = ["--model", name, "--dataset", "fairvlmed", "--data-dir", str(mini)]
    tuned = {**SHORT, "backbone": "blip2-ft", "features": "image+text"}
    initial = {key: SHORT[key] for key in ("long_notes", "probe_epochs", "probe_lr")}
    for keys in (initial, tuned):
        sets = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
        run = ["run", "--variant", "linear-probe", *model, *sets, "--results", str(results)]
        assert run_command(run) == 0
    return results


class TestCommand:
    def test_runs_stand_in_one_table(self, results: Path) -> None:
        found = benchmark.compare(results, baseline="blip2-ft")
        variants = sorted(arm.variant for arm in found.arms)
        assert variants == ["blip2-ft", "linear-probe", "linear-probe"]
        assert len({arm.block for arm in found.arms}) == 1
        auc = found.summary[(found.summary["metric"] == "auc") & found.summary["main_rule"]]
        assert len(auc) >= 3
        assert pd.to_numeric(auc["mean"]).between(0, 100).all()

    def test_truncated_notes_are_counted(self, results: Path) -> None:
        for path in results.glob("runs/*/config.yaml"):
            assert yaml.safe_load(path.read_text())["dataset"]["truncated_notes"] > 0

    def test_the_probe_of_blip2_ft_reads_the_weights_that_its_run_kept(
        self, results: Path, name: str, blip2: Any
    ) -> None:
        configs = {
            path.parent: yaml.safe_load(path.read_text())
            for path in results.glob("runs/*/config.yaml")
        }
        (tuned,) = (folder for folder, c in configs.items() if c["variant"] == "blip2-ft")
        (probe,) = (
            folder for folder, c in configs.items() if c["objective"].get("backbone") == "blip2-ft"
        )
        path = find_checkpoint(tuned, "val-auc")
        assert load_model(name, str(path)).weights_hash != blip2.weights_hash
        epoch = int(path.stem.rpartition("_")[2])
        for split, part in read_predictions(tuned).items():
            (row,) = np.flatnonzero(part.epochs == epoch)
            assert (read_predictions(probe)[split].similarity == part.similarity[row]).all()


def run_command(argv: list[str]) -> int:
    before = copy.copy(sys.argv)
    sys.argv = ["fairbench", *argv]
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    return int(end.value.code or 0)


class TestWhoDoesNotUseIt:
    def test_needs_no_transformers_and_imports_nothing_of_it(
        self, mini: Path, tmp_path: Path
    ) -> None:
        code = f"""
import sys
sys.modules["transformers"] = None
import benchmark
where = dict(dataset="fairvlmed", data_dir={str(mini)!r}, results={str(tmp_path)!r})
table = benchmark.run("clip", **where)
assert table["state"].tolist() == ["done"]
assert not any(name.startswith("benchmark.blip2") for name in sys.modules)
"""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    @pytest.mark.parametrize("words", [["--help"], ["list", "variants"]], ids=" ".join)
    def test_commands_that_train_nothing_do_not_import_it(self, words: list[str]) -> None:
        code = f"""
import sys
sys.argv = ["fairbench", *{words!r}]
from benchmark.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {{"transformers", "benchmark.blip2"}} & sys.modules.keys()
"""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
