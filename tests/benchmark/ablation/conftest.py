from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.ablation.analysis import analyse_ablation
from benchmark.ablation.keys import EndSpec
from benchmark.ablation.plan import Settings, plan_ablation
from benchmark.plan import Request
from benchmark.results import RunStore
from benchmark.sweep import Silent, sweep


@pytest.fixture(scope="session")
def request_of(mini: Path) -> Callable[..., Request]:
    """A request on the mini dataset, as `train` makes them."""

    def make(**more: Any) -> Request:
        changes = {"epochs": 2, "batch_size": 32, **more.pop("changes", {})}
        held = {"dataset": "fairvlmed", "data_dir": mini, "seeds": (0, 1), "device": "cpu"}
        return Request(changes=changes, **{**held, **more})

    return make


@pytest.fixture(scope="session")
def plan_of(request_of: Callable[..., Request]) -> Callable[..., Any]:
    """The plan of an ablation from fairclip to a-fairclip, unless told otherwise."""

    def make(
        left: EndSpec | None = None,
        right: EndSpec | None = None,
        request: Request | None = None,
        **settings: Any,
    ) -> Any:
        return plan_ablation(
            left or EndSpec("fairclip"),
            right or EndSpec("a-fairclip"),
            request or request_of(),
            Settings(**settings),
        )

    return make


DESIGNS = ("one-at-a-time", "ladder", "factorial", "shapley")


@pytest.fixture(scope="session")
def ablated(
    plan_of: Callable[..., Any], trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """All designs over two keys, and the store of their runs; two of six are trained for it."""
    results = tmp_path_factory.mktemp("ablated")
    shutil.copytree(trained, results, dirs_exist_ok=True)
    plan = plan_of(keys=("normalise", "selection"), designs=DESIGNS)
    store = RunStore(results)
    states = [run.state for run in sweep(plan.runs.values(), store, Silent())]
    assert sorted(states) == ["done"] * 2 + ["present"] * 4
    return analyse_ablation(plan, store), store
