"""`fairbench verify`: table, JSON and exit codes."""

from __future__ import annotations

import json
import shutil
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from benchmark.cli.main import app
from benchmark.cli.verify import _json
from benchmark.errors import FairbenchError
from benchmark.verify.pack import SHIPPED
from benchmark.verify.result import CheckResult

FILES = ("truncate.json", "zero_shot.json", "zero_shot.npz")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Notes, tokens and zero-shot only: two seconds."""
    folder = tmp_path / "pack"
    folder.mkdir()
    for name in FILES:
        shutil.copy(SHIPPED / name, folder)
    return folder


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, words)])


def spoil(pack: Path) -> None:
    record: dict[str, Any] = json.loads((pack / "truncate.json").read_text())
    record["strings"][1]["output"] += " more"
    (pack / "truncate.json").write_text(json.dumps(record))


class TestVerify:
    def test_exit_code_0_if_all_pass_or_are_skipped(self, pack: Path) -> None:
        result = invoke("--pack", pack)
        assert result.exit_code == 0, result.output
        assert "4 pass, 0 miss" in result.output
        assert "metrics: the pack has no metrics.json, metrics.npz" in result.output

    def test_exit_code_1_and_the_place_on_a_miss(self, pack: Path) -> None:
        spoil(pack)
        result = invoke("--pack", pack)
        assert result.exit_code == 1
        assert "note-truncation: largest at truncate.json, name short, output" in result.output

    def test_json_is_strict_and_has_one_object_for_each_check(self, pack: Path) -> None:
        spoil(pack)
        result = invoke("--pack", pack, "--json")
        assert result.exit_code == 1

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON")

        objects = {o["name"]: o for o in json.loads(result.stdout, parse_constant=refuse)}
        assert objects["zero-shot"]["status"] == "pass"
        assert 0 < objects["zero-shot"]["tolerance"] < 1e-5
        assert objects["note-truncation"] == {
            "name": "note-truncation",
            "status": "miss",
            "cases": 48,
            "deviation": "inf",
            "tolerance": 0.0,
            "note": objects["note-truncation"]["note"],
        }
        assert objects["metrics"]["deviation"] is None

    def test_only_runs_one(self, pack: Path) -> None:
        result = invoke("--pack", pack, "--only", "zero-shot", "--json")
        assert [o["name"] for o in json.loads(result.stdout)] == ["zero-shot"]

    @pytest.mark.parametrize("words", [("--only", "zero"), ("--pack", "nowhere")])
    def test_bad_input_is_an_error_of_one_line(self, pack: Path, words: tuple[str, ...]) -> None:
        words = words if "--pack" in words else (*words, "--pack", str(pack))
        error = invoke(*words).exception
        assert isinstance(error, FairbenchError)
        assert "\n" not in str(error)


class TestJson:
    def test_what_is_not_finite_is_a_word_or_null(self) -> None:
        results = [CheckResult("a", "miss", 1, inf, 0.0), CheckResult("b", "skipped", 0, nan, nan)]
        a, b = json.loads(_json(results))
        assert (a["deviation"], b["deviation"], b["tolerance"]) == ("inf", None, None)
