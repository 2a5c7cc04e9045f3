from pathlib import Path
from typing import Any

import pytest

from benchmark.bench import public_code
from benchmark.bench.public_code import Sizes, bench_public_code, our_epochs
from benchmark.errors import FairbenchError

SMALL = Sizes(train=12, val=4, test=4, height=80, width=70, epochs=2, rounds=1)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a script of the right name that does not run."""
    (tmp_path / public_code.SCRIPT).write_text("raise SystemExit(3)")
    return tmp_path


class TestBenchPublicCode:
    def test_compares_whole_epochs_after_the_first(self, checkout: Path, monkeypatch: Any) -> None:
        seconds = {"their_epochs": [[9, 9], [4, 1], [6, 2]], "our_epochs": [[9, 9], [1.5, 0.5]]}
        seen: list[tuple[str, ...]] = []

        def fresh(function: str, *arguments: str) -> Any:
            seen.append((function.split(":")[1], *arguments[2:3]))
            return seconds[function.split(":")[1]]

        monkeypatch.setattr(public_code, "in_fresh_process", fresh)
        figures = {f.name: f for f in bench_public_code(checkout, sizes=SMALL)}
        assert figures["public code / ours, 0 workers"].value == pytest.approx(6.5 / 2)
        assert figures["public code / ours, 4 workers"].target == "> 6 ×"
        assert "training 5.00 s, evaluation 1.50 s" in figures["public code, 0 workers: epoch"].note
        assert seen == [
            ("their_epochs", "0"),
            ("our_epochs",),
            ("their_epochs", "4"),
            ("our_epochs",),
        ]

    def test_says_what_the_script_needs_where_it_does_not_run(
        self, checkout: Path, monkeypatch: Any
    ) -> None:
        def fails(*_: str) -> Any:
            raise RuntimeError("their_epochs failed: Traceback\nModuleNotFoundError: clip")

        monkeypatch.setattr(public_code, "in_fresh_process", fails)
        with pytest.raises(FairbenchError, match=r"ModuleNotFoundError: clip.*openai-clip"):
            bench_public_code(checkout, sizes=SMALL)

    def test_a_folder_without_the_script_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match=r"no finetune_FairCLIP\.py"):
            bench_public_code(tmp_path)

    def test_our_epochs_are_of_the_same_files(self, tmp_path: Path) -> None:
        data = public_code._write(tmp_path / "data", SMALL)
        found = our_epochs(str(data), "2")
        assert len(found) == 2
        assert all(seconds > 0 for epoch in found for seconds in epoch)
