"""A run as TensorBoard's event files: `tensorboard --logdir OUT`."""

from __future__ import annotations

import shutil
from pathlib import Path

import tensorboard  # noqa: F401 - says first what is not installed: torch's own message does not
from torch.utils.tensorboard.summary import hparams, scalar
from torch.utils.tensorboard.writer import FileWriter

from benchmark.exporting.history import RunHistory, metric_name


def export(history: RunHistory, out: Path) -> bool:
    """Write a run to `OUT/<variant>-<id>`; return False, and write nothing, if it is there."""
    folder = out / f"{metric_name(history.variant)}-{history.id}"
    if folder.exists():
        return False
    partial = out / f".{folder.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    writer = FileWriter(str(partial))
    last = {name: value for metrics in history.epochs.values() for name, value in metrics.items()}
    shown = {name: value for name, value in last.items() if name.startswith("auc/")}
    # torch leaves both functions without types.
    for summary in hparams(dict(history.parameters), shown):  # type: ignore[no-untyped-call]
        writer.add_summary(summary, walltime=history.finished)
    for epoch, metrics in history.epochs.items():
        for name, value in metrics.items():
            # Double precision: the default rounds to single.
            one = scalar(  # type: ignore[no-untyped-call]
                name, value, new_style=True, double_precision=True
            )
            writer.add_summary(one, epoch, history.finished)
    writer.close()
    (written,) = partial.iterdir()  # its name ends in that of the exporting machine
    written.rename(partial / f"events.out.tfevents.{round(history.finished)}.{history.id}")
    partial.rename(folder)
    return True
