"""Two ways to run the command: in this process, and in one that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def fairbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run the command in this process."""

    def run(*argv: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["fairbench", *map(str, argv)])
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        captured = capsys.readouterr()
        return Result(0 if code is None else int(code), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def mini_options(mini: Path) -> list[str]:
    """Options of `fairbench run` on the mini dataset."""
    return ["--dataset", "fairvlmed", "--data-dir", str(mini)]


@pytest.fixture(scope="session")
def forks(
    private_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., list[Result]]]:
    """Run the command in processes of their own, that can be killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fork_fairbench.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    output = tmp_path_factory.mktemp("output") / "of"

    def run(*argv: object, **job: Any) -> list[Result]:
        job = {"argv": [str(a) for a in argv], "output": str(output), "results": "\0", **job}
        job["results"] = str(job["results"])
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        statuses = json.loads(server.stdout.readline())
        texts = [output.with_name(f"of{i}").read_text() for i in range(len(statuses))]
        return [Result(code, text, "") for code, text in zip(statuses, texts, strict=True)]

    yield run
    server.stdin.close()
    server.wait(timeout=60)
