"""A run as an offline run of Weights & Biases: `wandb sync OUT/wandb/offline-run-*`.

Nothing is sent. The run has fairbench's id, so a run that is synced twice is one run.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import wandb

from benchmark.exporting.history import RunHistory

PROJECT = "fairbench"


def export(history: RunHistory, out: Path) -> bool:
    """Write a run to `OUT/wandb`; return False, and write nothing, if it is there."""
    folder = out / "wandb"
    if [*folder.glob(f"offline-run-*-{history.id}")]:
        return False
    partial = out / f".wandb-{history.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    settings = wandb.Settings(
        mode="offline",
        root_dir=str(partial),
        console="off",
        silent=True,
        # Facts of the exporting machine, of its code and its user: not the run's.
        disable_code=True,
        disable_git=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
    )
    run = wandb.init(
        project=PROJECT,
        id=history.id,
        name=history.title,
        group=history.variant,
        config=dict(history.parameters),
        settings=settings,
        reinit="create_new",
    )
    for epoch, metrics in history.epochs.items():
        run.log(dict(metrics), step=epoch)
    run.finish(exit_code=int(history.diverged))
    folder.mkdir(exist_ok=True)
    (made,) = (partial / "wandb").glob(f"offline-run-*-{history.id}")
    made.rename(folder / made.name)
    shutil.rmtree(partial)
    return True
