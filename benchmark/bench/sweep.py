"""How long a suite of a thousand runs takes to plan, and to resume where nothing is left to do."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmark.bench.figure import Figure
from benchmark.bench.measure import in_fresh_process
from benchmark.yaml_io import write_yaml


@dataclass(frozen=True)
class Sizes:
    """How much is planned.

    Attributes:
        variants: With one key each that differs.
        seeds: Of each.
        samples: Of each split of the dataset.
    """

    variants: int = 100
    seeds: int = 10
    samples: int = 200


FULL = Sizes()


def bench_sweep(
    progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return the seconds from the command to its last line: planned, and resumed."""
    runs = sizes.variants * sizes.seeds
    with TemporaryDirectory() as name:
        folder = Path(name)
        progress(f"sweep: a suite of {runs} runs that are all there")
        suite = _write_suite(folder, sizes)
        arguments = (str(suite), str(folder / "results"))
        in_fresh_process("benchmark.bench.sweep:stored", *arguments, cache=folder / "cache")
        progress(f"sweep: planning and resuming {runs} runs")
        planned, resumed = (
            in_fresh_process(f"benchmark.bench.sweep:{what}", *arguments, cache=folder / "cache")
            for what in ("planned", "resumed")
        )
    return [
        Figure(f"plan {runs} runs", planned["cpu"], "s", "", "imports included"),
        Figure(
            f"resume {runs} runs",
            resumed["cpu"],
            "s",
            "< 5 s",
            f"from imports to the last line; {resumed['wall']:.1f} s on the wall",
        ),
    ]


def _write_suite(folder: Path, sizes: Sizes) -> Path:
    from benchmark.data.synthetic import make_config, write_synthetic

    data, path = folder / "data", folder / "suite.yaml"
    knobs = {"train": sizes.samples, "val": sizes.samples, "test": sizes.samples}
    write_synthetic(data, make_config("default", 0, {**knobs, "height": 64, "width": 64}))
    weights = [{"weight": 1e-8 * (v + 1)} for v in range(sizes.variants)]
    suite = {
        "name": "many",
        "question": "How long does it take to find that nothing is left to do?",
        "dataset": {"name": "synthetic", "data_dir": str(data)},
        "seeds": f"0-{sizes.seeds - 1}",
        "runs": [{"variant": "fairclip", "attributes": ["race"], "set": set_} for set_ in weights],
    }
    path.write_text(write_yaml(suite), encoding="utf-8")
    return path


def stored(suite: str, results: str) -> int:
    """Store a finished run without content for each run of a suite; return how many."""
    from benchmark.execute import plan_run
    from benchmark.plan import Request, plan
    from benchmark.results import RunStore, write_json
    from benchmark.suite import load_suite

    store = RunStore(Path(results))
    store.prepare()
    configs = plan(Request(), load_suite(suite))
    for config in configs:
        folder = store.runs / plan_run(config).id
        folder.mkdir()
        write_json(folder / "status.json", {"state": "done", "epochs": 1, "message": ""})
    return len(configs)


def planned(suite: str, results: str) -> dict[str, float]:
    """Return the seconds that the list of runs takes."""
    start = perf_counter()
    from benchmark.plan import Request, plan
    from benchmark.suite import load_suite

    plan(Request(), load_suite(suite))
    return {"cpu": process_time(), "wall": perf_counter() - start}


def resumed(suite: str, results: str) -> dict[str, float]:
    """Return the seconds of `fairbench run` where all runs of a suite are there."""
    start = perf_counter()
    import sys

    from benchmark.cli.main import app

    sys.argv = ["fairbench", "run", "--suite", suite, "--results", results]
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        app()
    done = printed.getvalue().splitlines()[-1:]
    if not done or not done[0].endswith(" present"):
        raise RuntimeError(f"the suite was not resumed: {done}")
    return {"cpu": process_time(), "wall": perf_counter() - start}
