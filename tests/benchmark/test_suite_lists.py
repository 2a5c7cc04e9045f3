"""Which runs of a results folder a suite asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import FairbenchError
from benchmark.suite import Suite, SuiteComparison, SuiteRun
from benchmark.suite_lists import (
    store_suite,
    stored_comparison,
    stored_name,
    stored_question,
    suite_run_ids,
)

SIZED = Suite.model_validate(
    {
        "name": "sized",
        "question": "Does it hold on patients?",
        "sizes": {"small": {}, "patients": {"dataset": {"name": "fairvlmed"}}},
        "runs": [{"variant": "clip-ft"}],
    }
)


class TestStoredSuite:
    suite = Suite(
        name="mine",
        question="Why?",
        runs=(SuiteRun(variant="clip-ft"),),
        compare=SuiteComparison(selection="last"),
    )

    def test_run_ids_and_comparison_are_read_back(self, tmp_path: Path) -> None:
        store_suite(tmp_path, self.suite, ["a", "b"])
        assert suite_run_ids(tmp_path, "mine") == {"a", "b"}
        assert stored_comparison(tmp_path, "mine") == SuiteComparison(selection="last")
        assert stored_question(tmp_path, "mine") == "Why?"

    def test_storing_again_replaces_the_list(self, tmp_path: Path) -> None:
        store_suite(tmp_path, self.suite, ["a", "b"])
        store_suite(tmp_path, self.suite, ["c"])
        assert suite_run_ids(tmp_path, "mine") == {"c"}
        assert [p.name for p in (tmp_path / "suites").iterdir()] == ["mine.json"]

    def test_one_that_was_not_run_lists_those_that_were(self, tmp_path: Path) -> None:
        store_suite(tmp_path, self.suite, ["a"])
        with pytest.raises(FairbenchError, match=r"unknown suite .*'mien'.*Known: mine"):
            suite_run_ids(tmp_path, "mien")

    def test_no_suite_is_compared_by_the_defaults(self, tmp_path: Path) -> None:
        assert stored_comparison(tmp_path, None) == SuiteComparison()


class TestStoredSizes:
    def store(self, results: Path, *sizes: str) -> None:
        for size in sizes:
            store_suite(results, SIZED.sized(size), [f"run of {size}"])

    def test_are_listed_apart(self, tmp_path: Path) -> None:
        self.store(tmp_path, "small", "patients")
        for size in ("small", "patients"):
            name = stored_name(tmp_path, "sized", size)
            assert suite_run_ids(tmp_path, name) == {f"run of {size}"}
        files = sorted(path.name for path in (tmp_path / "suites").iterdir())
        assert files == ["sized@patients.json", "sized@small.json"]

    def test_the_only_one_that_was_run_needs_no_name(self, tmp_path: Path) -> None:
        self.store(tmp_path, "patients")
        assert suite_run_ids(tmp_path, "sized") == {"run of patients"}

    def test_one_of_several_must_be_named(self, tmp_path: Path) -> None:
        self.store(tmp_path, "small", "patients")
        with pytest.raises(FairbenchError, match=r"run at sizes patients, small; choose one with"):
            suite_run_ids(tmp_path, "sized")
        assert suite_run_ids(tmp_path, "sized@small") == {"run of small"}

    def test_one_that_was_not_run_lists_those_that_were(self, tmp_path: Path) -> None:
        self.store(tmp_path, "small")
        with pytest.raises(FairbenchError, match=r"'sized@patients'.*'sized@small'"):
            stored_name(tmp_path, "sized", "patients")
        with pytest.raises(FairbenchError, match=r"unknown suite .*'size'"):
            stored_name(tmp_path, "size")

    def test_a_list_from_before_the_suite_had_sizes_is_not_taken_for_one(
        self, tmp_path: Path
    ) -> None:
        store_suite(tmp_path, SIZED.model_copy(update={"sizes": {}}), ["old"])
        assert suite_run_ids(tmp_path, "sized") == {"old"}
        self.store(tmp_path, "small")
        with pytest.raises(FairbenchError, match=r"sized\.json is from before .* had sizes"):
            suite_run_ids(tmp_path, "sized")
