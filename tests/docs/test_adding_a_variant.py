"""Every block of docs/adding-a-variant.md, run as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "mini_fairvlmed"


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    text = (ROOT / "docs" / "adding-a-variant.md").read_text(encoding="utf-8")
    found = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    assert [language for language, _ in found] == ["python", "sh", "sh", "python", "toml"]
    return dict(
        zip(
            ("method", "shell", "data", "tests", "package"),
            (block for _, block in found),
            strict=True,
        )
    )


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FAIRBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def fairbench(folder: Path, *arguments: str, **more: str) -> str:
    code = "from benchmark.cli.main import main; main()"
    found = run(folder, sys.executable, "-c", code, *arguments, **more)
    assert found.returncode == 0, found.stderr
    return found.stdout


SMALL = ("--dataset", "fairvlmed", "--data-dir", str(DATA), "--epochs", "1", "--seeds", "0")


@pytest.mark.slow
def test_the_commands_of_the_page_train_and_compare(blocks: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mean_similarity.py").write_text(blocks["method"])
    first, second = (line.split()[1:] for line in blocks["shell"].strip().splitlines())
    assert first[-2] == "--seeds"
    printed = fairbench(tmp_path, *first[:-2], *SMALL)
    assert "2 done" in printed
    assert "mean-similarity" in fairbench(tmp_path, *second)


def test_the_package_of_the_page_offers_the_variant(blocks: dict[str, str], tmp_path: Path) -> None:
    points = tomllib.loads(blocks["package"])["project"]["entry-points"]["fairbench.variants"]
    site = tmp_path / "site"
    info = site / "mean_similarity-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mean_similarity.py").write_text(blocks["method"])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mean-similarity\nVersion: 1.0\n")
    lines = [f"{name} = {module}" for name, module in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[fairbench.variants]", *lines, ""]))
    listed = fairbench(tmp_path, "list", "variants", PYTHONPATH=str(site))
    assert "mean-similarity" in listed
    printed = fairbench(
        tmp_path, "run", "--variant", "mean-similarity", *SMALL, PYTHONPATH=str(site)
    )
    assert "1 done" in printed


@pytest.mark.slow
def test_the_tests_of_the_page_pass(blocks: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mean_similarity.py").write_text(blocks["method"])
    (tmp_path / "test_mean_similarity.py").write_text(blocks["tests"])
    fairbench(tmp_path, *blocks["data"].split()[1:])
    found = run(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "3 passed" in found.stdout, found.stdout + found.stderr
