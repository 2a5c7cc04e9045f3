"""A cache of the session's own, trained runs on the mini dataset, and runs written by hand."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import benchmark

MINI = Path(__file__).parents[1] / "data" / "mini_fairvlmed"
BATCH = 32
EPOCHS = 2


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's cache out of every test."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("FAIRBENCH_CACHE")
    os.environ["FAIRBENCH_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["FAIRBENCH_CACHE"]
    else:
        os.environ["FAIRBENCH_CACHE"] = before


@pytest.fixture(scope="session")
def mini() -> Path:
    return MINI


@pytest.fixture(scope="session")
def train() -> Callable[..., pd.DataFrame]:
    """`benchmark.run` on the mini dataset: one epoch of three steps unless `keys` say more."""

    def run(variants: str | Sequence[str], results: Path, **arguments: Any) -> pd.DataFrame:
        keys = {"epochs": 1, "batch_size": BATCH, **arguments.pop("keys", {})}
        if variants == "clip":
            keys = {}
        return benchmark.run(
            variants, results=results, keys=keys, dataset="fairvlmed", data_dir=MINI, **arguments
        )

    return run


@pytest.fixture(scope="session")
def trained(train: Callable[..., pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with five runs of two epochs; copy it before changing it."""
    results = tmp_path_factory.mktemp("trained")
    names = ("clip", "clip-ft", "fairclip")
    table = train(names, results, seeds="0-1", keys={"epochs": EPOCHS})
    assert set(table["state"]) == {"done"}, table.to_dict("records")
    return results


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a run folder by hand, in the form that a run has, and return its path."""

    def write(
        label: str = "clip-ft",
        seed: int | None = 0,
        *,
        results: Path = tmp_path / "results",
        state: str = "done",
        message: str = "",
        trained_on: Sequence[str] = (),
        own: str = "val-auc",
        groups: Mapping[str, Sequence[str]] | None = None,
        label_of: Mapping[str, Any] | None = None,
        codes: Mapping[str, Mapping[str, Any]] | None = None,
        scores: Mapping[str, Any] | None = None,
        epochs: Sequence[int] = (1,),
        test_set: str = "t" * 64,
        weights: str = "w" * 64,
        random_init: bool = False,
        notes: str = "n" * 64,
        threads: int = 1,
        protocol: Mapping[str, Any] | None = None,
        protocol_label: str = "tiny",
        objective: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
        classes: Sequence[str] = ("non-glaucoma", "glaucoma"),
    ) -> Path:
        """Scores are split → (E, N), labels split → (N,), codes split → attribute → (N,).

        With more than two classes, scores are (E, N, C).
        """
        groups = groups or {"race": ("asian", "black", "white")}
        trains = seed is not None
        evaluation = {"resize": "float", "note_characters": 180, "mode": "switched"}
        evaluation |= {"long_notes": "error", "precision": "fp32"}
        keys = {**evaluation, **({"lr": 5e-4, "epochs": len(epochs)} if trains else {})}
        keys |= dict(protocol or {})
        held = {
            "numerics": 1,
            "objective": {"kind": label, "attributes": list(trained_on), **(objective or {})},
            "protocol": keys,
            "threads": threads,
            "device": "cpu",
            "dataset": notes,
            "weights": weights,
            **({"seed": seed} if trains else {}),
            **(identity or {}),
        }
        text = json.dumps(held, sort_keys=True)
        name = hashlib.sha256((text + test_set).encode()).hexdigest()[:16]
        folder = results / "runs" / (name + (".failed" if state == "failed" else ""))
        folder.mkdir(parents=True)
        config = {
            "variant": label.split("[")[0],
            "label": label,
            "attributes": list(trained_on),
            "own_selection": own,
            "ignored_keys": [],
            "objective": {"kind": label},
            "protocol": {"label": protocol_label, **keys},
            "trains": trains,
            "seed": seed,
            "threads": threads,
            "device": "cpu",
            "model": {
                "name": "tiny",
                "pretrained": None,
                "random_init": random_init,
                "weights": weights,
            },
            "dataset": {
                "name": "fairvlmed",
                "data_dir": None,
                "notes": "gpt-4",
                "text_source": "note",
                "fingerprint": notes,
                "test_fingerprint": test_set,
                "classes": list(classes),
                "prompts": [str(c) for c in range(len(classes))],
                "attributes": {a: list(g) for a, g in groups.items()},
                "samples": {},
                "dropped_unknown": {},
                "truncated_notes": 0,
            },
            "identity": held,
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        status = {"state": state, "epochs": len(epochs), "message": message}
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
        if scores is not None:
            assert label_of is not None
            assert codes is not None
            parts = [
                _rows(split, epochs, np.asarray(scores[split]), label_of[split], codes[split])
                for split in ("val", "test")
            ]
            write_predictions(pd.concat(parts), folder)
            seconds = pd.DataFrame({"epoch": np.asarray(epochs, np.int16), "kind": "seconds"})
            seconds.assign(name="", value=1.0).to_parquet(folder / "epochs.parquet")
        return folder

    return write


def write_predictions(table: pd.DataFrame, folder: Path) -> None:
    types = {"epoch": pa.int16(), "split": pa.string(), "sample_id": pa.string()}
    types["similarity"] = pa.float32()
    types |= {name: pa.float32() for name in table.columns if name.startswith("score")}
    schema = pa.schema([(name, types.get(name, pa.int8())) for name in table.columns])
    pq.write_table(
        pa.Table.from_pandas(table, schema=schema, preserve_index=False),
        folder / "predictions.parquet",
        write_page_checksum=True,
    )


@pytest.fixture
def write_scored(write_run: Callable[..., Path]) -> Callable[..., dict[str, Any]]:
    """Write runs with random scores of three epochs on one test set; return the scores."""
    random = np.random.default_rng(0)
    label_of = {"val": np.arange(60) % 2, "test": np.arange(90) % 2}
    codes = {split: {"race": random.integers(0, 3, len(y))} for split, y in label_of.items()}

    def write(label: str = "clip-ft", seed: int | None = 0, **more: Any) -> dict[str, Any]:
        own = np.random.default_rng([len(label), 99 if seed is None else seed])
        epochs = (1, 2, 3) if seed is not None else (0,)
        scores = {
            split: (own.random((len(epochs), len(y))) + 0.2 * y).astype(np.float32) / 2
            for split, y in label_of.items()
        }
        data = {"label_of": label_of, "codes": codes, "epochs": epochs, "scores": scores}
        data |= more
        return {**data, "folder": write_run(label, seed, **data)}

    return write


@pytest.fixture
def edit_predictions() -> Callable[..., Path]:
    """Change the table of predictions of a run folder."""

    def rewrite(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
        write_predictions(change(pd.read_parquet(folder / "predictions.parquet")), folder)
        return folder

    return rewrite


def _rows(
    split: str, epochs: Sequence[int], score: Any, label: Any, codes: Mapping[str, Any]
) -> pd.DataFrame:
    n = len(label)
    assert score.shape[:2] == (len(epochs), n)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "epoch": np.full(n, epoch, np.int16),
                    "split": split,
                    "sample_id": [f"{split}{i:04d}" for i in range(n)],
                    "label": np.asarray(label, np.int8),
                    **{f"attribute_{a}": np.asarray(c, np.int8) for a, c in codes.items()},
                    **_score_columns(row.astype(np.float32)),
                    "similarity": np.zeros(n, np.float32),
                }
            )
            for epoch, row in zip(epochs, score, strict=True)
        ]
    )


def _score_columns(score: Any) -> dict[str, Any]:
    if score.ndim == 1:
        return {"score": score}
    return {f"score_{c}": column for c, column in enumerate(score.T)}
