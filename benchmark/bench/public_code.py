"""An epoch of the public FairCLIP code beside one of ours, on the same files.

`finetune_FairCLIP.py` runs unchanged, from a checkout that the user has; only what it loads as
CLIP is replaced, by a small one of OpenAI's architecture. Both sides train the architecture of
the recorded timing on 256 pairs and score 200 test images of 664×512, race, batch 32.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.bench.figure import Figure
from benchmark.bench.measure import in_fresh_process
from benchmark.errors import FairbenchError

SCRIPT = "finetune_FairCLIP.py"
IMAGE = 64
TARGETS = {"0": "> 2.5 ×", "4": "> 6 ×"}
"""DataLoader workers → how many times as fast an epoch of ours is to be; 4 is its default."""


@dataclass(frozen=True)
class Sizes:
    """How much is trained.

    Attributes:
        train, val, test: Images.
        height, width: Of an image.
        epochs: Of which the first is left out of the medians.
        rounds: Turns of both sides.
    """

    train: int = 256
    val: int = 40
    test: int = 200
    height: int = 664
    width: int = 512
    epochs: int = 5
    rounds: int = 2


FULL = Sizes()


def bench_public_code(
    code: Path, progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return seconds of an epoch with its evaluation on both sides, and how they compare.

    Args:
        code: The folder of a checkout that holds `finetune_FairCLIP.py`.
        progress: Told what is being measured.
        sizes: How much.

    Raises:
        FairbenchError: no such script there, or it does not run; OpenAI's `clip` is missing.
    """
    if not (code / SCRIPT).is_file():
        raise FairbenchError(f"--public-code {code}: there is no {SCRIPT} in it")
    figures = []
    with TemporaryDirectory() as name:
        data = _write(Path(name) / "data", sizes)
        for workers, target in TARGETS.items():
            theirs, ours = [], []
            for turn in range(1, sizes.rounds + 1):
                progress(f"public code: {workers} workers, turn {turn} of {sizes.rounds}")
                theirs += _theirs(code, data, workers, sizes.epochs)
                ours += _process("our_epochs", str(data), str(sizes.epochs))
            figures += _compared(theirs, ours, workers, target, sizes)
    return figures


def _write(folder: Path, sizes: Sizes) -> Path:
    from benchmark.data.synthetic import make_config, write_synthetic

    names = ("train", "val", "test", "height", "width")
    write_synthetic(folder, make_config("default", 0, {n: getattr(sizes, n) for n in names}))
    (folder / "Testing").symlink_to("Test")  # the script's name for it
    return folder


def _theirs(code: Path, data: Path, workers: str, epochs: int) -> list[list[float]]:
    try:
        return _process("their_epochs", str(code.resolve()), str(data), workers, str(epochs))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise FairbenchError(
            f"--public-code {code}: {SCRIPT} does not run here ({reason}). It needs OpenAI's clip "
            "(pip install openai-clip 'setuptools<70'), scikit-learn and fairlearn"
        ) from None


def _process(function: str, *arguments: str) -> list[list[float]]:
    """Return (training, evaluation) seconds of the epochs after the first."""
    found: list[list[float]] = in_fresh_process(f"{__name__}:{function}", *arguments)
    return found[1:]


def _compared(
    theirs: list[list[float]], ours: list[list[float]], workers: str, target: str, sizes: Sizes
) -> list[Figure]:
    def whole(epochs: list[list[float]]) -> float:
        return median(sum(epoch) for epoch in epochs)

    def parts(epochs: list[list[float]]) -> str:
        train, evaluation = (median(epoch[i] for epoch in epochs) for i in (0, 1))
        return f"training {train:.2f} s, evaluation {evaluation:.2f} s"

    where = f"{workers} workers"
    note = f"{sizes.train} + {sizes.test} images, files uncompressed; {os.cpu_count()} threads"
    return [
        Figure(f"public code, {where}: epoch", whole(theirs), "s", "", parts(theirs)),
        Figure(
            f"ours beside it, {where}: epoch",
            whole(ours),
            "s",
            "",
            f"{parts(ours)}, of {sizes.val} validation images too",
        ),
        Figure(f"public code / ours, {where}", whole(theirs) / whole(ours), "×", target, note),
    ]


def our_epochs(data: str, epochs: str) -> list[list[float]]:
    """Return (training, evaluation) seconds of each epoch of ours."""
    from benchmark.bench.starts import Starter
    from benchmark.bench.workload import MINI, Size, Workload, make_workload
    from benchmark.fast_step import step_numerics
    from benchmark.freed_memory import keep_freed_memory
    from benchmark.trainer import EpochFacts, StepFacts, train

    size = Size(MINI, (2, 2, 2), epochs=int(epochs))
    made = make_workload(size, "cpu", os.cpu_count() or 1, protocol="official")
    with TemporaryDirectory() as cache:
        whole = Starter(made.model.transform, made.model.tokenizer).start(Path(data), Path(cache))
        work = Workload(size, made.config, made.model, whole)
        found: list[list[float]] = []

        class Observer:
            def on_step(self, facts: StepFacts) -> None: ...

            def on_epoch(self, facts: EpochFacts) -> None:
                found.append([facts.seconds["train"], facts.seconds["evaluate"]])

        keep_freed_memory()
        with step_numerics(work.config):
            train(work.config, work.model, work.data, work.batches, Observer())
    return found


def their_epochs(code: str, data: str, workers: str, epochs: str) -> list[list[float]]:
    """Return (training, evaluation) seconds of each epoch of the public script.

    Training lasts from the first request to the training loader to the request to the test
    loader, evaluation from there to the first metric.
    """
    import torch

    os.chdir(code)
    sys.path.insert(0, code)
    torch.set_num_threads(os.cpu_count() or 1)
    marks: list[tuple[str, float]] = []
    with TemporaryDirectory() as out, _watched(marks):
        result = Path(out) / "result"
        result.mkdir()
        options = {
            "dataset_dir": data,
            "result_dir": str(result),
            "summarized_note_file": "gpt-4_summarized_notes.csv",
            "num_epochs": epochs,
            "workers": workers,
            "perf_file": "perf.csv",
            # as scripts/finetune_FairCLIP.sh
            "lr": "1e-5",
            "batch_size": "32",
            "attribute": "race",
            "batchsize_fairloss": "32",
            "lambda_fairloss": "1e-6",
            "sinkhorn_blur": "1e-6",
        }
        sys.argv = [SCRIPT, *(word for name in options for word in (f"--{name}", options[name]))]
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(SCRIPT, run_name="__main__")
    starts = [i for i, (what, _) in enumerate(marks) if what == "Training"]
    return [[marks[i + 1][1] - marks[i][1], marks[i + 2][1] - marks[i + 1][1]] for i in starts]


@contextlib.contextmanager
def _watched(marks: list[tuple[str, float]]) -> Iterator[None]:
    """Give the script a small CLIP, and note when it asks its loaders and its metrics."""
    import clip
    import src.modules as modules
    import torch
    from torch.utils.data import DataLoader

    def load(*_: Any, **__: Any) -> tuple[Any, Any]:
        torch.manual_seed(0)
        model = clip.model.CLIP(64, IMAGE, 2, 64, 8, 77, 49408, 64, 1, 2).float()
        return model, clip.clip._transform(IMAGE)

    ask, measure = DataLoader.__iter__, modules.evalute_comprehensive_perf

    def asked(loader: Any) -> Any:
        if type(loader.dataset).__name__ == "fair_vl_med_dataset":  # not the groups' loaders
            marks.append((loader.dataset.subset, time.perf_counter()))
        return ask(loader)

    def measured(*arguments: Any) -> Any:
        marks.append(("metrics", time.perf_counter()))
        return measure(*arguments)

    clip.load = load
    DataLoader.__iter__ = asked  # type: ignore[method-assign]
    modules.evalute_comprehensive_perf = measured
    try:
        yield
    finally:
        DataLoader.__iter__ = ask  # type: ignore[method-assign]
