"""A run in an MLflow store: `mlflow ui --backend-store-uri sqlite:///OUT/mlflow.db`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import alembic  # noqa: F401 - of MLflow's database store, which says less when it is missing
import sqlalchemy  # noqa: F401
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from benchmark.exporting.history import RunHistory

EXPERIMENT = "fairbench"

ID = "fairbench_run"
"""Tag that holds the run's id."""

MOST_METRICS, MOST_PARAMETERS = 1000, 100
"""What MLflow takes at once."""


def export(history: RunHistory, out: Path) -> bool:
    """Write a run to `OUT/mlflow.db`; return False, and write nothing, if it is there.

    What an interrupted export left is replaced.
    """
    client, experiment = _opened(out.resolve())
    for run in client.search_runs([experiment], f"tags.{ID} = '{history.id}'"):
        if run.info.status in ("FINISHED", "FAILED"):
            return False
        client.delete_run(run.info.run_id)
    at = round(1000 * history.finished)
    run = client.create_run(experiment, at, {ID: history.id}, history.title)
    parameters = [Param(key, str(value)) for key, value in history.parameters.items()]
    metrics = [
        Metric(name, value, at, epoch)
        for epoch, values in history.epochs.items()
        for name, value in values.items()
    ]
    for i in range(0, len(parameters), MOST_PARAMETERS):
        client.log_batch(run.info.run_id, params=parameters[i : i + MOST_PARAMETERS])
    for i in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run.info.run_id, metrics=metrics[i : i + MOST_METRICS])
    client.set_terminated(run.info.run_id, "FAILED" if history.diverged else "FINISHED", at)
    return True


@cache  # the database is opened once for all runs
def _opened(out: Path) -> tuple[MlflowClient, str]:
    out.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{out / 'mlflow.db'}")
    held = client.get_experiment_by_name(EXPERIMENT)
    if held is not None:
        return client, str(held.experiment_id)
    artifacts = (out / "artifacts").as_uri()  # fairbench exports none
    return client, str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))
